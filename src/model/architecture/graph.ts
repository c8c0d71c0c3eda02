import { attribute } from '../onnx/attributes.ts';
import { elementName } from '../onnx/elements.ts';
import { GraphLinks } from '../onnx/links.ts';
import type { OnnxModel, OnnxNode } from '../onnx/types.ts';
import type { Weight } from './architecture.ts';
import { type Entry, inferKnown, type Known } from './known.ts';
import { differs, Unrecognised } from './unrecognised.ts';
import { unfuse } from './unfuse.ts';

/** Operators that arrange elements anew, in the same order or another. Where it matters, the proof at load tells. */
const ARRANGING = new Set(['Identity', 'Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Dropout']);
/** What makes a hidden state out of ids or pixels. */
const PRODUCTS = /^(MatMul|Gemm|Conv|FusedMatMul|FusedConv|Einsum|Attention|MultiHeadAttention)$/;
const QUANTISED = /quantize|^QLinear|Integer$|NBits|^QAttention|^QGemm/i;

/** What one of a graph's outputs is computed from, walked from there backwards. Values are named by strings. */
export class TowerGraph {
  readonly output: string;
  readonly links: GraphLinks;
  readonly #known: ReadonlyMap<string, Known>;
  /** Values that a product of matrices went into, other than by its shape. */
  readonly #hidden = new Set<string>();
  /** Values that follow from the graph alone. */
  readonly #constant: Set<string>;
  readonly #weight: (value: string) => Weight | undefined;

  /** Throws Unrecognised for operators that no tower holds, `model_invalid` for a graph that is none. */
  constructor(model: OnnxModel, output: string) {
    this.output = output;
    this.links = new GraphLinks({ ...model, nodes: unfuse(model.nodes) });
    const nodes = this.#reachable();
    for (const node of nodes) refuseForeign(node);
    this.#constant = new Set(model.tensors.map(({ name }) => name));
    for (const node of nodes) {
      if (node.inputs.every((name) => !name || this.#constant.has(name))) this.#mark(node, this.#constant);
      else if (PRODUCTS.test(node.operator)) this.#mark(node, this.#hidden);
      else if (node.operator !== 'Shape' && node.inputs.some((name) => this.#hidden.has(name))) {
        this.#mark(node, this.#hidden);
      }
    }
    this.#known = inferKnown(this.links, nodes);
  }

  /** The node that makes `value`; undefined for inputs, tensors and what is left out. */
  node(value: string): OnnxNode | undefined {
    return this.links.origin(value)?.node;
  }

  /** The node that makes `value`, where it is of ONNX's own operators (or in `domain`) and called so. */
  made(value: string, operator: string, domain = ''): OnnxNode | undefined {
    const node = this.node(value);
    return node?.operator === operator && node.domain === domain ? node : undefined;
  }

  isHidden(value: string): boolean {
    return this.#hidden.has(value);
  }

  isConstant(value: string): boolean {
    return this.#constant.has(value);
  }

  dims(value: string): readonly Entry[] | undefined {
    return this.#known.get(value)?.dims;
  }

  numbers(value: string | undefined): readonly Entry[] | undefined {
    return value ? this.#known.get(value)?.numbers : undefined;
  }

  /** The one number that `value` is. */
  scalar(value: string | undefined): number | undefined {
    const numbers = this.numbers(value);
    return numbers?.length === 1 && typeof numbers[0] === 'number' ? numbers[0] : undefined;
  }

  /** `value` before everything that only arranges its elements or rounds them to another floating-point type. */
  through(value: string): string {
    for (let at = value; ; ) {
      const node = this.node(at);
      if (!node || node.domain !== '' || !(ARRANGING.has(node.operator) || isRounding(node))) return at;
      at = node.inputs[0]!;
    }
  }

  /** Ids before arrangement and conversions between whole numbers. */
  throughIds(value: string): string {
    for (let at = value; ; ) {
      const node = this.node(at);
      if (!node || node.domain !== '' || !(ARRANGING.has(node.operator) || node.operator === 'Cast')) return at;
      at = node.inputs[0]!;
    }
  }

  /** The weights that `value` is. Throws Unrecognised where it is none, or not of floating-point numbers. */
  weight(value: string, place: string): Weight {
    const weight = this.isConstant(value) ? this.#weight(value) : undefined;
    if (!weight) throw differs(place, 'weights of 16 or 32 bits', this.describe(value));
    return weight;
  }

  /** Element type that a constant has where it is used. */
  type(value: string): string {
    for (let at = value; ; ) {
      const node = this.node(at);
      if (!node) return this.links.tensor(at)?.type ?? 'unknown';
      if (node.operator === 'Cast') return elementName(attribute(node, 'to', 'integer') ?? 0);
      at = node.inputs[0]!;
    }
  }

  /** For messages. */
  describe(value: string): string {
    const node = this.node(value);
    if (node) return describeNode(node);
    if (this.links.input(value)) return `the input ${value}`;
    return this.links.tensor(value) ? `the constant ${value}` : 'nothing';
  }

  /** Nodes that the output needs, sorted. */
  #reachable(): OnnxNode[] {
    const needed = new Set<OnnxNode>();
    const open = [this.output];
    while (open.length > 0) {
      const node = this.node(open.pop()!);
      if (!node || needed.has(node)) continue;
      needed.add(node);
      open.push(...node.inputs.filter(Boolean));
    }
    return this.links.sorted.filter((node) => needed.has(node));
  }

  #mark({ outputs }: OnnxNode, set: Set<string>): void {
    for (const name of outputs) if (name) set.add(name);
  }
}

export function describeNode({ operator, domain, name, outputs }: OnnxNode): string {
  return `${domain ? `${domain}.` : ''}${operator} ${JSON.stringify(name || outputs[0])}`;
}

function refuseForeign(node: OnnxNode): void {
  if (QUANTISED.test(node.operator)) throw new Unrecognised(`it is quantised: ${describeNode(node)}`);
  for (const { kind } of node.attributes.values()) {
    if (kind === 'graph' || kind === 'graphs') throw new Unrecognised(`it branches or loops: ${describeNode(node)}`);
  }
}

/** A Cast between floating-point types. */
function isRounding(node: OnnxNode): boolean {
  return node.operator === 'Cast' && /^(float|bfloat)\d+$/.test(elementName(attribute(node, 'to', 'integer') ?? 0));
}
