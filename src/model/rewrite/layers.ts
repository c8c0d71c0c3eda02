import type { Linear, Norm, Transformer } from '../architecture/architecture.ts';
import type { GraphDraft, Value } from './draft.ts';
import type { FloatType } from './floats.ts';

/** Layer normalisation in float32 over the last axis. `type` is the result's: as a rule what matrix products take. */
export function norm(
  g: GraphDraft,
  x: Value,
  { scale, shift, epsilon }: Norm,
  role: string,
  type: FloatType = g.compute,
): Value {
  const inputs = [
    g.cast(x, 'float32'),
    g.weight(`${role}.scale`, scale, 'float32'),
    g.weight(`${role}.shift`, shift, 'float32'),
  ];
  const normed = g.op('LayerNormalization', inputs, { axis: -1, epsilon: { float: epsilon } });
  return g.cast(normed, type);
}

/**
 * [n, inputs] → [n, outputs]. Two axes, not three: ONNX Runtime's Gemm adds the bias within the product, where MatMul needs
 * a second pass; the weight stays in the layout that it lies in.
 */
export function linear(
  g: GraphDraft,
  x: Value,
  { weight, layout, bias, inputs, outputs }: Linear,
  role: string,
  type: FloatType = g.compute,
): Value {
  const dims = layout === 'out-in' ? [outputs, inputs] : [inputs, outputs];
  const operands = [g.cast(x, type), g.weight(`${role}.weight`, weight, type, dims)];
  if (bias) operands.push(g.weight(`${role}.bias`, bias, type, [outputs]));
  return g.op('Gemm', operands, { transB: layout === 'out-in' ? 1 : 0 });
}

/** The residual stream with a branch added. */
export function addBranch(g: GraphDraft, stream: Value, branch: Value): Value {
  return g.op('Add', [stream, g.cast(branch, g.residual)]);
}

const QUICK_FACTOR = 1.702;

export function activate(g: GraphDraft, x: Value, kind: Transformer['activation']): Value {
  if (kind === 'quick_gelu') {
    const scaled = g.op('Mul', [x, g.number(QUICK_FACTOR, x.type)]);
    return g.op('Mul', [x, g.op('Sigmoid', [scaled])]);
  }
  const error = g.op('Erf', [g.op('Mul', [x, g.number(Math.SQRT1_2, x.type)])]);
  const share = g.op('Add', [error, g.number(1, x.type)]);
  return g.op('Mul', [g.op('Mul', [x, share]), g.number(0.5, x.type)]);
}

/** float32 [rows, width] → the tower's vectors, float32. */
export function vectors(
  g: GraphDraft,
  x: Value,
  projection: Linear,
  { normalised, outputWidth }: { readonly normalised: boolean; readonly outputWidth: number },
): void {
  let result = linear(g, x, projection, 'projection', 'float32');
  if (normalised) {
    const length = g.op('ReduceL2', [result, g.integers([-1])], { keepdims: 1 });
    result = g.op('Div', [result, length]);
  }
  g.output('output', result, ['rows', outputWidth]);
}
