import { broken, type Message } from './protobuf.ts';
import { readTensor } from './tensor.ts';
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor } from './types.ts';

/** Reads the graph that an attribute holds. */
export type ReadGraph = (message: Message) => OnnxGraph;

/** Domain under which a file may also name ONNX's own operators. */
const LONG_DOMAIN = 'ai.onnx';

export function domainName(stated: string): string {
  return stated === LONG_DOMAIN ? '' : stated;
}

/** A node and, where it calls a local function, which of several of one name. */
export interface ReadNode extends OnnxNode {
  readonly overload: string;
}

export function readNode(message: Message, readGraph: ReadGraph): ReadNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, OnnxAttribute>();
  const words = { name: '', operator: '', domain: '', overload: '' };
  while (message.next()) {
    const { number } = message;
    if (number === 1) inputs.push(message.text());
    else if (number === 2) outputs.push(message.text());
    else if (number === 3) words.name = message.text();
    else if (number === 4) words.operator = message.text();
    else if (number === 5) attributes.set(...readAttribute(message.inner(), readGraph));
    else if (number === 7) words.domain = domainName(message.text());
    else if (number === 8) words.overload = message.text();
  }
  return { ...words, inputs, outputs, attributes };
}

/** `AttributeProto.AttributeType` by number. */
const KINDS: readonly (OnnxAttribute['kind'] | undefined)[] = [
  undefined,
  'float',
  'integer',
  'text',
  'tensor',
  'graph',
  'floats',
  'integers',
  'texts',
  'tensors',
  'graphs',
];
/** Kind by the field that holds the value, for files too old to state the type. */
const KIND_OF_FIELD: Readonly<Record<number, OnnxAttribute['kind']>> = {
  2: 'float',
  3: 'integer',
  4: 'text',
  5: 'tensor',
  6: 'graph',
  7: 'floats',
  8: 'integers',
  9: 'texts',
  10: 'tensors',
  11: 'graphs',
};

export function readAttribute(message: Message, readGraph: ReadGraph): [string, OnnxAttribute] {
  const start = message.position;
  let name = '';
  let reference = '';
  let kind: OnnxAttribute['kind'] | undefined;
  const held = { float: 0, integer: 0, text: '' };
  const lists = {
    floats: [] as number[],
    integers: [] as number[],
    texts: [] as string[],
    tensors: [] as OnnxTensor[],
    graphs: [] as OnnxGraph[],
  };
  while (message.next()) {
    const { number } = message;
    if (number === 1) name = message.text();
    else if (number === 20) kind = KINDS[message.value] ?? 'other';
    else if (number === 21) reference = message.text();
    else if (number === 2) held.float = message.float();
    else if (number === 3) held.integer = message.value;
    else if (number === 4) held.text = message.text();
    else if (number === 5 || number === 10) lists.tensors.push(readTensor(message.inner()));
    else if (number === 6 || number === 11) lists.graphs.push(readGraph(message.inner()));
    else if (number === 7) message.floats(lists.floats);
    else if (number === 8) message.integers(lists.integers);
    else if (number === 9) lists.texts.push(message.text());
    if (number < 12) kind ??= KIND_OF_FIELD[number];
  }
  if (reference) return [name, { kind: 'reference', value: reference }];
  if (!kind) throw broken(message.source, start, `attribute ${name} without a value`);
  const only = <T>(list: readonly T[]) => (list.length === 1 ? list[0] : undefined);
  return [
    name,
    pickValue(kind, { ...held, ...lists, tensor: only(lists.tensors), graph: only(lists.graphs) }),
  ];
}

/** An attribute of `kind`, with what the fields held for it. */
function pickValue(kind: OnnxAttribute['kind'], held: Readonly<Record<string, unknown>>): OnnxAttribute {
  const value = held[kind];
  return (value === undefined ? { kind: 'other', value } : { kind, value }) as OnnxAttribute;
}
