import { attribute } from '../onnx/attributes.ts';
import { elementCount } from '../onnx/elements.ts';
import type { OnnxNode } from '../onnx/types.ts';
import type { Norm } from './architecture.ts';
import type { TowerGraph } from './graph.ts';
import { vectorAt } from './linear.ts';
import { differs } from './unrecognised.ts';

export interface NormAt {
  readonly source: string;
  readonly norm: Norm;
}

/** ONNX's default for LayerNormalization. */
const DEFAULT_EPSILON = 1e-5;

/** The layer normalisation whose result `value` is, as one operator or spelt out; undefined where it is another's. */
export function normAt(graph: TowerGraph, value: string, place: string): NormAt | undefined {
  const at = graph.through(value);
  const whole = graph.made(at, 'LayerNormalization');
  if (whole) return ofOperator(graph, whole, place);
  const sum = graph.made(at, 'Add');
  const [shift, scaled] = sum ? constantFirst(graph, sum) : [];
  const product = scaled === undefined ? undefined : graph.made(graph.through(scaled), 'Mul');
  const byRoot = scaled && graph.made(graph.through(scaled), 'SimplifiedLayerNormalization');
  if (shift !== undefined && byRoot) return ofRoot(graph, byRoot, shift, place);
  const [scale, normalised] = product ? constantFirst(graph, product) : [];
  if (shift === undefined || scale === undefined || !normalised) return undefined;
  const plain = standardised(graph, graph.through(normalised));
  return plain && { source: plain.source, norm: weights(graph, scale, shift, plain.epsilon, place) };
}

/** As normAt. Throws Unrecognised where `value` is another operator's. */
export function needNorm(graph: TowerGraph, value: string, place: string): NormAt {
  const found = normAt(graph, value, place);
  if (!found) throw differs(place, 'a layer normalisation', graph.describe(graph.through(value)));
  return found;
}

function ofOperator(graph: TowerGraph, node: OnnxNode, place: string): NormAt {
  const [source, scale, shift] = node.inputs;
  const axis = attribute(node, 'axis', 'integer') ?? -1;
  const rank = graph.dims(source!)?.length;
  if (axis !== -1 && axis + 1 !== rank)
    throw differs(place, 'a normalisation over the last axis', `axis ${axis}`);
  if (!shift) throw differs(place, 'a normalisation with a shift', graph.describe(node.outputs[0]!));
  const epsilon = attribute(node, 'epsilon', 'float') ?? DEFAULT_EPSILON;
  return { source: source!, norm: weights(graph, scale!, shift, epsilon, place) };
}

/** ONNX Runtime's optimiser joins all but the subtraction of the mean. */
function ofRoot(graph: TowerGraph, node: OnnxNode, shift: string, place: string): NormAt | undefined {
  const [top = '', scale = ''] = node.inputs;
  const source = centred(graph, top);
  const epsilon = attribute(node, 'epsilon', 'float') ?? DEFAULT_EPSILON;
  return source === undefined ? undefined : { source, norm: weights(graph, scale, shift, epsilon, place) };
}

function weights(graph: TowerGraph, scale: string, shift: string, epsilon: number, place: string): Norm {
  const width = elementCount(graph.weight(scale, place).dims);
  return {
    scale: vectorAt(graph, scale, width, place),
    shift: vectorAt(graph, shift, width, place),
    epsilon,
  };
}

/** (x - mean) / √(variance + ε) */
function standardised(graph: TowerGraph, value: string): { source: string; epsilon: number } | undefined {
  const quotient = graph.made(value, 'Div');
  const product = graph.made(value, 'Mul');
  const inverse = product && graph.made(graph.through(product.inputs[1]!), 'Reciprocal');
  const [top, root] = quotient ? quotient.inputs : [product?.inputs[0], inverse?.inputs[0]];
  const deviation = top && root ? rootOfVariance(graph, root) : undefined;
  const source = top && centred(graph, top);
  return deviation && source === deviation.source ? deviation : undefined;
}

function rootOfVariance(graph: TowerGraph, value: string): { source: string; epsilon: number } | undefined {
  const root = graph.made(graph.through(value), 'Sqrt');
  const sum = root && graph.made(graph.through(root.inputs[0]!), 'Add');
  if (!sum) return undefined;
  const [first, second] = sum.inputs;
  const epsilon = graph.scalar(second) ?? graph.scalar(first);
  const mean = graph.made(graph.through(graph.scalar(second) === undefined ? second! : first!), 'ReduceMean');
  const square = mean && isOverLast(graph, mean) ? graph.node(graph.through(mean.inputs[0]!)) : undefined;
  const [base, exponent] = square?.inputs ?? [];
  const isSquare =
    (square?.operator === 'Pow' && graph.scalar(exponent) === 2) ||
    (square?.operator === 'Mul' && base === exponent);
  const source = isSquare ? centred(graph, base!) : undefined;
  return source !== undefined && epsilon !== undefined ? { source, epsilon } : undefined;
}

/** x of x - mean(x). */
function centred(graph: TowerGraph, value: string): string | undefined {
  const difference = graph.made(graph.through(value), 'Sub');
  const [x, subtracted] = difference?.inputs ?? [];
  const mean = subtracted && graph.made(graph.through(subtracted), 'ReduceMean');
  if (!mean || !isOverLast(graph, mean)) return undefined;
  const source = graph.through(x!);
  return graph.through(mean.inputs[0]!) === source ? source : undefined;
}

function isOverLast(graph: TowerGraph, node: OnnxNode): boolean {
  const axes = node.inputs[1] ? graph.numbers(node.inputs[1]) : attribute(node, 'axes', 'integers');
  const rank = graph.dims(node.inputs[0]!)?.length;
  return axes?.length === 1 && (axes[0] === -1 || (rank !== undefined && axes[0] === rank - 1));
}

/** Inputs of a commutative operator, the constant one first; empty where none or both are. */
function constantFirst(graph: TowerGraph, { inputs }: OnnxNode): readonly string[] {
  const [a, b] = inputs.map((input) => graph.isConstant(input));
  if (a === b) return [];
  return a ? inputs : inputs.toReversed();
}
