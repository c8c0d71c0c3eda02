import { ClipError } from '../../errors.ts';
import { type GraphReader, MAX_ENTRIES } from './graph.ts';
import { domainName, type ReadNode, readAttribute } from './node.ts';
import type { Message } from './protobuf.ts';
import type { OnnxAttribute, OnnxGraph, OnnxNode } from './types.ts';

/** Functions that call each other; exporters write one per module of the network. */
const MAX_CALLS = 64;

/** A FunctionProto: nodes that a file may call by one name. */
export interface OnnxFunction {
  readonly key: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Attributes that a call may leave out. */
  readonly defaults: ReadonlyMap<string, OnnxAttribute>;
  readonly nodes: readonly ReadNode[];
  readonly opsets: ReadonlyMap<string, number>;
}

export function readFunction(message: Message, reader: GraphReader): OnnxFunction {
  const words = { domain: '', operator: '', overload: '' };
  const inputs: string[] = [];
  const outputs: string[] = [];
  const defaults = new Map<string, OnnxAttribute>();
  const nodes: ReadNode[] = [];
  const opsets = new Map<string, number>();
  while (message.next()) {
    const { number } = message;
    if (number === 1) words.operator = message.text();
    else if (number === 4) inputs.push(message.text());
    else if (number === 5) outputs.push(message.text());
    else if (number === 7) nodes.push(reader.node(message.inner()));
    else if (number === 9) opsets.set(...readOpset(message.inner()));
    else if (number === 10) words.domain = domainName(message.text());
    else if (number === 11) defaults.set(...readAttribute(message.inner(), reader.graph));
    else if (number === 13) words.overload = message.text();
  }
  return { key: keyOf(words), inputs, outputs, defaults, nodes, opsets };
}

/** An OperatorSetIdProto. */
export function readOpset(message: Message): [string, number] {
  let domain = '';
  let version = 0;
  while (message.next()) {
    if (message.number === 1) domain = message.text();
    else if (message.number === 2) version = message.value;
  }
  return [domainName(domain), version];
}

function keyOf({ domain, operator, overload }: Pick<ReadNode, 'domain' | 'operator' | 'overload'>): string {
  return `${domain}:${operator}:${overload}`;
}

/** Puts a file's local functions in place of their calls. */
export class Inliner {
  readonly #path: string;
  readonly #functions: ReadonlyMap<string, OnnxFunction>;
  readonly #opsets: ReadonlyMap<string, number>;
  #written = 0;
  #calls = 0;

  constructor(path: string, functions: readonly OnnxFunction[], opsets: ReadonlyMap<string, number>) {
    this.#path = path;
    this.#functions = new Map(functions.map((one) => [one.key, one]));
    this.#opsets = opsets;
  }

  /** `graph` without calls. Throws `model_invalid` where functions call themselves or grow beyond every bound. */
  inline<G extends OnnxGraph>(graph: G): G {
    if (this.#functions.size === 0) return graph;
    const nodes: OnnxNode[] = [];
    for (const node of graph.nodes) this.#expand(node, nodes, 0);
    return { ...graph, nodes };
  }

  #expand(node: OnnxNode, to: OnnxNode[], depth: number): void {
    if (++this.#written > MAX_ENTRIES || depth > MAX_CALLS) {
      const bound = depth > MAX_CALLS ? `${MAX_CALLS} deep` : `to at most ${MAX_ENTRIES} nodes`;
      throw new ClipError(
        'model_invalid',
        `${this.#path}: expected local functions that call each other ${bound}, found more at ${node.operator}`,
      );
    }
    const called = this.#functions.get(keyOf(node as ReadNode));
    if (!called) {
      to.push(mapGraphs(node, (graph) => this.inline(graph)));
      return;
    }
    this.#requireSameOpsets(called);
    const scope = new Scope(called, node, `${node.outputs[0] || node.operator}/${this.#calls++}`);
    for (const inner of called.nodes) this.#expand(scope.node(inner), to, depth + 1);
    to.push(...scope.passedOn());
  }

  #requireSameOpsets({ key, opsets }: OnnxFunction): void {
    for (const [domain, version] of opsets) {
      const own = this.#opsets.get(domain) ?? version;
      if (own === version) continue;
      throw new ClipError(
        'model_invalid',
        `${this.#path} uses local functions: expected ${key} to be written for version ${own} of ` +
          `the operators '${domain}' like the graph, found version ${version}`,
      );
    }
  }
}

/** Names and attributes of one call. */
class Scope {
  readonly #function: OnnxFunction;
  readonly #call: OnnxNode;
  readonly #prefix: string;
  readonly #names = new Map<string, string>([['', '']]);

  constructor(called: OnnxFunction, call: OnnxNode, prefix: string) {
    this.#function = called;
    this.#call = call;
    this.#prefix = prefix;
    called.outputs.forEach((name, at) => {
      if (call.outputs[at]) this.#names.set(name, call.outputs[at]);
    });
    called.inputs.forEach((name, at) => {
      this.#names.set(name, call.inputs[at] ?? '');
    });
  }

  /** Outputs that are an input, or an earlier output, once more. */
  passedOn(): OnnxNode[] {
    const { outputs } = this.#function;
    return outputs.flatMap((name, at) => {
      const target = this.#call.outputs[at];
      const source = this.#name(name);
      if (!target || source === target) return [];
      return {
        ...this.#call,
        operator: 'Identity',
        domain: '',
        inputs: [source],
        outputs: [target],
        attributes: new Map(),
      };
    });
  }

  node(inner: OnnxNode): OnnxNode {
    const attributes = new Map<string, OnnxAttribute>();
    for (const [name, value] of inner.attributes) {
      const given =
        value.kind === 'reference'
          ? (this.#call.attributes.get(value.value) ?? this.#function.defaults.get(value.value))
          : value;
      if (given) attributes.set(name, given);
    }
    const named = {
      ...inner,
      name: inner.name && `${this.#prefix}/${inner.name}`,
      inputs: inner.inputs.map((name) => this.#name(name)),
      outputs: inner.outputs.map((name) => this.#name(name)),
      attributes,
    };
    return mapGraphs(named, (graph) => this.#graph(graph));
  }

  #graph(graph: OnnxGraph): OnnxGraph {
    const renamed = <T extends { readonly name: string }>(items: readonly T[]) =>
      items.map((item) => ({ ...item, name: this.#name(item.name) }));
    return {
      inputs: renamed(graph.inputs),
      outputs: renamed(graph.outputs),
      values: new Map(renamed([...graph.values.values()]).map((value) => [value.name, value])),
      tensors: renamed(graph.tensors),
      nodes: graph.nodes.map((inner) => this.node(inner)),
    };
  }

  #name(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const fresh = `${this.#prefix}/${name}`;
    this.#names.set(name, fresh);
    return fresh;
  }
}

/** `node` with every graph that it holds replaced by what `change` makes of it. */
export function mapGraphs(node: OnnxNode, change: (graph: OnnxGraph) => OnnxGraph): OnnxNode {
  const isGraph = ({ kind }: OnnxAttribute) => kind === 'graph' || kind === 'graphs';
  if (![...node.attributes.values()].some(isGraph)) return node;
  const attributes = new Map<string, OnnxAttribute>();
  for (const [name, held] of node.attributes) {
    if (held.kind === 'graph') attributes.set(name, { ...held, value: change(held.value) });
    else if (held.kind === 'graphs') attributes.set(name, { ...held, value: held.value.map(change) });
    else attributes.set(name, held);
  }
  return { ...node, attributes };
}
