import { attribute } from '../onnx/attributes.ts';
import { Constants, type ConstantValue } from '../onnx/constants/constants.ts';
import { elementName } from '../onnx/elements.ts';
import { GraphLinks } from '../onnx/links.ts';
import type { OnnxModel, OnnxNode } from '../onnx/types.ts';
import type { Weight } from './architecture.ts';
import { takeBranches } from './branches.ts';
import { type Dims, sliceOf } from './shapes.ts';
import { type Port, Trial } from './trial.ts';
import { unfuse } from './unfuse.ts';
import { differs, Unrecognised } from './unrecognised.ts';

/** Operators that arrange elements anew, in the same order or another. Where it matters, the proof at load tells. */
const ARRANGING = new Set([
  'Identity',
  'Reshape',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Dropout',
  'CastLike',
]);
/** How many inputs operators cannot do without; all others one. */
const INPUTS: readonly (readonly [RegExp, number])[] = [
  [/^BatchNormalization$/, 5],
  [/^(Where|Attention|MultiHeadAttention)$/, 3],
  [/^(Add|Sub|Mul|Div|Pow|Mod|Equal|Less|LessOrEqual|Greater|GreaterOrEqual|And|Or)$/, 2],
  [/^(MatMul|FusedMatMul|Gemm|Conv|Gather|GatherND|GatherElements|Expand|Tile|LayerNormalization)$/, 2],
];
const SOURCELESS = /^(Constant|Random\w*)$/;
/** Exporters write the largest number of 32 or 64 bits for an end left open. */
const LAST = 2 ** 31 - 1;
const QUANTISED = /quantize|^QLinear|Integer$|NBits|^QAttention|^QGemm/i;

/** What one of a graph's outputs is computed from, walked from there backwards. Values are named by strings. */
export class TowerGraph {
  readonly port: Port;
  readonly #links: GraphLinks;
  readonly #constants: Constants;
  readonly #trial: Trial;
  /** How many attentions the output needs: one per block. */
  readonly attentions: number;

  private constructor(links: GraphLinks, constants: Constants, port: Port) {
    this.port = port;
    this.#links = links;
    this.#constants = constants;
    const nodes = this.#reachable();
    this.attentions = nodes.filter(({ operator }) =>
      /^(Softmax|Attention|MultiHeadAttention)$/.test(operator),
    ).length;
    for (const node of nodes) refuseForeign(node);
    this.#trial = new Trial(links.model, constants, port);
    for (const node of nodes) this.#trial.follow(node);
  }

  /** Throws Unrecognised for operators that no tower holds, `model_invalid` for a graph that cannot be run. */
  static async of(model: OnnxModel, port: Port, signal?: AbortSignal): Promise<TowerGraph> {
    const straight = await takeBranches(model, port, signal);
    const links = new GraphLinks({ ...straight, nodes: unfuse(straight.nodes) });
    return new TowerGraph(links, await Constants.of(links, signal), port);
  }

  /** The node that makes `value`; undefined for inputs, tensors and what is left out. */
  node(value: string): OnnxNode | undefined {
    return this.#links.origin(value)?.node;
  }

  /** The node that makes `value`, where it is of ONNX's own operators (or in `domain`) and called so. */
  made(value: string, operator: string, domain = ''): OnnxNode | undefined {
    const node = this.node(value);
    return node?.operator === operator && node.domain === domain ? node : undefined;
  }

  /** Whether a product with weights or a look-up of tokens went into `value`, other than by its shape. */
  isHidden(value: string): boolean {
    return this.#trial.isHidden(value);
  }

  /** Whether `value` depends on no input, not even on its shape. */
  isConstant(value: string): boolean {
    return this.#constants.isConstant(value);
  }

  /** For a trial with full rows; undefined where it is not known. */
  dims(value: string): Dims | undefined {
    return this.#trial.dims(value);
  }

  /** All of a short value that is no hidden state. */
  numbers(value: string | undefined): readonly number[] | undefined {
    return value ? this.#trial.numbers(value) : undefined;
  }

  /** The one number that `value` is. */
  scalar(value: string | undefined): number | undefined {
    const numbers = this.numbers(value);
    return numbers?.length === 1 ? numbers[0] : undefined;
  }

  /** All of a value that is no hidden state, for a trial with full rows. */
  values(value: string): ConstantValue | undefined {
    return this.#trial.values(value);
  }

  /** Whether `value` is known to be nothing but zeros. */
  isZero(value: string): boolean {
    return this.values(value)?.values.every((number) => number === 0) ?? false;
  }

  /** The window that a Slice takes. */
  slice(node: OnnxNode): { from: number; to: number; axis: number } | undefined {
    return sliceOf(
      node,
      node.inputs.map((input) => ({ ...(input && { numbers: this.numbers(input) ?? [] }) })),
    );
  }

  /** `value` before everything that only arranges its elements or rounds them to another floating-point type. */
  through(value: string): string {
    return this.#before(
      value,
      (node) => ARRANGING.has(node.operator) || isRounding(node) || this.#isIdle(node),
    );
  }

  /** Ids before arrangement and conversions between whole numbers. */
  throughIds(value: string): string {
    return this.#before(value, ({ operator }) => ARRANGING.has(operator) || operator === 'Cast');
  }

  /** The weights that `value` is. Throws Unrecognised where it is none, or not of floating-point numbers. */
  weight(value: string, place: string): Weight {
    const weight = this.#constants.weight(value);
    if (!weight) throw differs(place, 'weights of 16 or 32 bits', this.describe(value));
    return weight;
  }

  /** Element type that a constant has where it is used. */
  type(value: string): string {
    for (let at = value; ; ) {
      const node = this.node(at);
      if (!node) return this.#links.tensor(at)?.type ?? 'unknown';
      if (node.operator === 'Cast') return elementName(attribute(node, 'to', 'integer') ?? 0);
      at = node.inputs[0]!;
    }
  }

  /** For messages. */
  describe(value: string): string {
    const node = this.node(value);
    if (node) return describeNode(node);
    if (this.#links.input(value)) return `the input ${value}`;
    return this.#links.tensor(value) ? `the constant ${value}` : 'nothing';
  }

  #before(value: string, isPassed: (node: OnnxNode) => boolean): string {
    let at = value;
    for (let node = this.node(at); node?.domain === '' && isPassed(node); node = this.node(at)) {
      at = node.inputs[0] ?? '';
    }
    return at;
  }

  /** A padding by nothing, which exporters write before a pooling, or a slice of all. */
  #isIdle(node: OnnxNode): boolean {
    const window = node.operator === 'Slice' ? this.slice(node) : undefined;
    if (window) return window.from === 0 && window.to >= LAST;
    if (node.operator !== 'Pad') return false;
    const pads = node.inputs[1] ? this.numbers(node.inputs[1]) : attribute(node, 'pads', 'integers');
    return pads?.every((pad) => pad === 0) ?? false;
  }

  /** Nodes that the output needs, sorted. */
  #reachable(): OnnxNode[] {
    const needed = new Set<OnnxNode>();
    const open = [this.port.output.name];
    while (open.length > 0) {
      const node = this.node(open.pop()!);
      if (!node || needed.has(node)) continue;
      needed.add(node);
      open.push(...node.inputs.filter(Boolean));
    }
    return this.#links.sorted.filter((node) => needed.has(node));
  }
}

export function describeNode({ operator, domain, name, outputs }: OnnxNode): string {
  return `${domain ? `${domain}.` : ''}${operator} ${JSON.stringify(name || outputs[0])}`;
}

/** Everything that looks at a node afterwards relies on its inputs being there. */
function refuseForeign(node: OnnxNode): void {
  const needed = INPUTS.find(([operators]) => operators.test(node.operator))?.[1] ?? 1;
  const isWhole = node.inputs.length >= needed && node.inputs.slice(0, needed).every(Boolean);
  if (!isWhole && !SOURCELESS.test(node.operator)) {
    throw new Unrecognised(`it lacks inputs: ${describeNode(node)}`);
  }
  if (QUANTISED.test(node.operator)) throw new Unrecognised(`it is quantised: ${describeNode(node)}`);
  for (const { kind } of node.attributes.values()) {
    if (kind === 'graph' || kind === 'graphs')
      throw new Unrecognised(`it branches or loops: ${describeNode(node)}`);
  }
}

/** A Cast between floating-point types. */
function isRounding(node: OnnxNode): boolean {
  return (
    node.operator === 'Cast' && /^(float|bfloat)\d+$/.test(elementName(attribute(node, 'to', 'integer') ?? 0))
  );
}
