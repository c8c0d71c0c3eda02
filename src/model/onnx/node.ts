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

/** What an AttributeProto's fields held, by the kind that they are for. */
interface Held {
  float?: number;
  integer?: number;
  text?: string;
  floats?: number[];
  integers?: number[];
  texts?: string[];
  tensors?: OnnxTensor[];
  graphs?: OnnxGraph[];
}

export function readAttribute(message: Message, readGraph: ReadGraph): [string, OnnxAttribute] {
  const start = message.position;
  let name = '';
  let reference = '';
  let kind: OnnxAttribute['kind'] | undefined;
  const held: Held = {};
  while (message.next()) {
    const { number } = message;
    if (number === 1) name = message.text();
    else if (number === 20) kind = KINDS[message.value] ?? 'other';
    else if (number === 21) reference = message.text();
    else if (number < 12) {
      kind ??= KIND_OF_FIELD[number];
      readHeld(message, held, readGraph);
    }
  }
  if (reference) return [name, { kind: 'reference', value: reference }];
  if (!kind) throw broken(message.source, start, `attribute ${name} without a value`);
  return [name, pickValue(kind, held)];
}

function readHeld(message: Message, held: Held, readGraph: ReadGraph): void {
  switch (message.number) {
    case 2:
      held.float = message.float();
      break;
    case 3:
      held.integer = message.value;
      break;
    case 4:
      held.text = message.text();
      break;
    case 5:
    case 10:
      held.tensors ??= [];
      held.tensors.push(readTensor(message.inner()));
      break;
    case 6:
    case 11:
      held.graphs ??= [];
      held.graphs.push(readGraph(message.inner()));
      break;
    case 7:
      held.floats ??= [];
      message.floats(held.floats);
      break;
    case 8:
      held.integers ??= [];
      message.integers(held.integers);
      break;
    case 9:
      held.texts ??= [];
      held.texts.push(message.text());
  }
}

/** An attribute of `kind`, with what the fields held for it; a number or list that is left out is zero or empty. */
function pickValue(kind: OnnxAttribute['kind'], held: Held): OnnxAttribute {
  switch (kind) {
    case 'float':
    case 'integer':
      return { kind, value: held[kind] ?? 0 };
    case 'text':
      return { kind, value: held.text ?? '' };
    case 'floats':
    case 'integers':
      return { kind, value: held[kind] ?? [] };
    case 'texts':
      return { kind, value: held.texts ?? [] };
    case 'tensors':
      return { kind, value: held.tensors ?? [] };
    case 'graphs':
      return { kind, value: held.graphs ?? [] };
    case 'tensor':
      if (held.tensors?.length === 1) return { kind, value: held.tensors[0]! };
      break;
    case 'graph':
      if (held.graphs?.length === 1) return { kind, value: held.graphs[0]! };
  }
  return { kind: 'other', value: undefined };
}
