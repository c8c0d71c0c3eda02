import { attribute } from '../onnx/attributes.ts';
import { elementCount } from '../onnx/elements.ts';
import type { OnnxNode } from '../onnx/types.ts';
import type { Linear, Weight } from './architecture.ts';
import type { TowerGraph } from './graph.ts';
import { differs } from './unrecognised.ts';

/** A product with weights that a graph holds, and what goes into it. */
export interface LinearAt {
  readonly source: string;
  readonly linear: Linear;
  /** Element type of the weights where they are multiplied. */
  readonly type: string;
}

/** The linear map whose result `value` is; undefined where it is another operator's. */
export function linearAt(graph: TowerGraph, value: string, place: string): LinearAt | undefined {
  const at = graph.through(value);
  const node = graph.node(at);
  if (node?.operator === 'Gemm' && node.domain === '') return ofGemm(graph, node, place);
  const sum = graph.made(at, 'Add');
  if (!sum) return ofProduct(graph, at, place);
  const [bias, rest] = graph.isConstant(sum.inputs[0]!) ? sum.inputs : sum.inputs.toReversed();
  if (!graph.isConstant(bias!)) return undefined;
  const product = ofProduct(graph, graph.through(rest!), place);
  if (!product || product.linear.bias) return undefined;
  const { linear } = product;
  return {
    ...product,
    linear: { ...linear, bias: vectorAt(graph, bias!, linear.outputs, `${place}, bias`) },
  };
}

/** As linearAt. Throws Unrecognised where `value` is another operator's. */
export function needLinear(graph: TowerGraph, value: string, place: string): LinearAt {
  const found = linearAt(graph, value, place);
  if (!found) throw differs(place, 'a product with weights', graph.describe(graph.through(value)));
  return found;
}

/** `count` weights in a row, whatever axes of length one they are stored with. */
export function vectorAt(graph: TowerGraph, value: string, count: number, place: string): Weight {
  const weight = graph.weight(value, place);
  if (elementCount(weight.dims) !== count) {
    throw differs(place, `${count} weights`, `[${weight.dims.join(', ')}] of them`);
  }
  return { ...shaped(weight, [count]) };
}

/** The same elements with other axes. */
export function shaped(weight: Weight, dims: readonly number[]): Weight {
  const { type, place } = weight;
  return { dims, type, ...(place && { place }), read: () => weight.read() };
}

function ofGemm(graph: TowerGraph, node: OnnxNode, place: string): LinearAt | undefined {
  const [source, matrix, bias] = node.inputs;
  if (!matrix || !graph.isConstant(matrix)) return undefined;
  const factors = [attribute(node, 'alpha', 'float') ?? 1, attribute(node, 'beta', 'float') ?? 1];
  if (factors.some((factor) => factor !== 1) || attribute(node, 'transA', 'integer')) {
    throw differs(place, 'a Gemm without factors', graph.describe(node.outputs[0]!));
  }
  const linear = matrixAt(graph, matrix, Boolean(attribute(node, 'transB', 'integer')), place);
  return {
    source: source!,
    type: graph.type(matrix),
    linear: { ...linear, ...(bias && { bias: vectorAt(graph, bias, linear.outputs, `${place}, bias`) }) },
  };
}

function ofProduct(graph: TowerGraph, value: string, place: string): LinearAt | undefined {
  const node = graph.made(value, 'MatMul') ?? graph.made(value, 'FusedMatMul', 'com.microsoft');
  const [source, matrix] = node?.inputs ?? [];
  if (!node || !matrix || !graph.isConstant(matrix) || graph.isConstant(source!)) return undefined;
  if ((attribute(node, 'alpha', 'float') ?? 1) !== 1 || attribute(node, 'transA', 'integer'))
    return undefined;
  const linear = matrixAt(graph, matrix, Boolean(attribute(node, 'transB', 'integer')), place);
  return { source: source!, type: graph.type(matrix), linear };
}

/** Steps over transpositions, so that a weight keeps its place in the file. */
function matrixAt(graph: TowerGraph, value: string, transposed: boolean, place: string): Linear {
  let at = value;
  let outFirst = transposed;
  for (;;) {
    const turn = graph.made(at, 'Transpose');
    const order = turn && (attribute(turn, 'perm', 'integers') ?? [1, 0]);
    if (order && order.join() !== '1,0') break;
    const inner = (turn ?? graph.made(at, 'Identity'))?.inputs[0];
    if (inner === undefined) break;
    if (turn) outFirst = !outFirst;
    at = inner;
  }
  const weight = graph.weight(at, place);
  const [rows, columns] = weight.dims;
  if (weight.dims.length !== 2 || !rows || !columns) {
    throw differs(place, 'a matrix of weights', `weights [${weight.dims.join(', ')}]`);
  }
  return outFirst
    ? { weight, layout: 'out-in', inputs: columns, outputs: rows }
    : { weight, layout: 'in-out', inputs: rows, outputs: columns };
}
