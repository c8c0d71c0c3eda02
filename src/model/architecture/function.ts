import { attribute } from '../onnx/attributes.ts';
import type { OnnxNode } from '../onnx/types.ts';
import { describeNode, type TowerGraph } from './graph.ts';
import { differs } from './unrecognised.ts';

/** Nodes that one function of one variable may be spelt with; the longest spelling known has ten. */
const MAX_NODES = 32;

/** Results by operator for one element of each input. */
const OPERATORS: Readonly<Record<string, (a: number, b: number, node: OnnxNode) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => a ** b,
  Neg: (a) => -a,
  Exp: (a) => Math.exp(a),
  Sqrt: (a) => Math.sqrt(a),
  Reciprocal: (a) => 1 / a,
  Tanh: (a) => Math.tanh(a),
  Sigmoid: sigmoid,
  Erf: erf,
  Relu: (a) => Math.max(a, 0),
  Swish: (a, _, node) => a * sigmoid((attribute(node, 'alpha', 'float') ?? 1) * a),
  Gelu: (a, _, node) => (attribute(node, 'approximate', 'text') === 'tanh' ? tanhGelu(a) : gelu(a)),
  'com.microsoft.Gelu': gelu,
  'com.microsoft.QuickGelu': (a, _, node) => a * sigmoid((attribute(node, 'alpha', 'float') ?? 1.702) * a),
};

/** A function as a graph spells it, element by element, and the values that it is of. */
export interface ElementFunction {
  /** Values that are the variable, seen through arrangements. */
  readonly sources: ReadonlySet<string>;
  readonly results: Float64Array;
  /** Operators that it is spelt with, in the order met. */
  readonly spelling: readonly string[];
}

/**
 * Evaluates what leads from a variable to `value` at `points`, whatever it is spelt with. `isVariable` tells where to
 * stop; `element` picks the element of a constant that is not a single number. Throws Unrecognised for an operator that
 * does not go element by element.
 */
export function evaluate(
  graph: TowerGraph,
  value: string,
  points: Float64Array,
  place: string,
  { isVariable, element }: { isVariable(value: string): boolean; element?: number },
): ElementFunction {
  const sources = new Set<string>();
  const spelling: string[] = [];
  const found = new Map<string, Float64Array>();
  const resultOf = (name: string): Float64Array => {
    const at = graph.through(name);
    const known = found.get(at);
    if (known) return known;
    const result = compute(at);
    found.set(at, result);
    return result;
  };
  const compute = (at: string): Float64Array => {
    if (isVariable(at)) {
      sources.add(at);
      return points;
    }
    const numbers = graph.numbers(at);
    const constant = graph.isConstant(at)
      ? numbers?.[numbers.length === 1 ? 0 : (element ?? numbers.length)]
      : undefined;
    if (typeof constant === 'number') return points.map(() => constant);
    const node = graph.node(at);
    const operator = node && OPERATORS[node.domain ? `${node.domain}.${node.operator}` : node.operator];
    if (!operator || spelling.length >= MAX_NODES)
      throw differs(place, 'a function of each element', graph.describe(at));
    spelling.push(describeNode(node));
    const [a, b] = node.inputs.map(resultOf);
    return a!.map((x, i) => operator(x, b ? b[i]! : 0, node));
  };
  return { results: resultOf(value), sources, spelling };
}

export function quickGelu(x: number): number {
  return x * sigmoid(1.702 * x);
}

export function gelu(x: number): number {
  return (x / 2) * (1 + erf(x * Math.SQRT1_2));
}

function tanhGelu(x: number): number {
  return (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Abramowitz and Stegun 7.1.26; the error is below 1.5e-7. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const terms = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];
  const series = terms.reduce((sum, term) => (sum + term) * t, 0);
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}
