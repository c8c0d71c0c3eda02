import { attribute } from '../onnx/attributes.ts';
import type { OnnxNode } from '../onnx/types.ts';

/** An axis whose length is not known is undefined. */
export type Dims = readonly (number | undefined)[];

/** What is known of a node's input; of one left out, nothing. */
export interface Known {
  /** Undefined where not even the number of axes is known. */
  readonly dims?: Dims;
  /** Elements of a short list: a shape, axes, bounds. */
  readonly numbers?: readonly number[];
}

type Rule = (node: OnnxNode, inputs: readonly Known[]) => Dims | undefined;

/** How shapes go through the operators that hidden states meet. */
const RULES: Readonly<Record<string, Rule>> = {
  ...each('Identity Cast Dropout Relu Sigmoid Tanh Erf Gelu Sqrt Reciprocal Softmax IsNaN Not Clip', first),
  ...each('LayerNormalization SimplifiedLayerNormalization BatchNormalization', first),
  ...each('Add Sub Mul Div Pow Where', (_, inputs) => inputs.map(({ dims }) => dims).reduce(broadcast, [])),
  Transpose: (node, [x]) => {
    const order = attribute(node, 'perm', 'integers') ?? x?.dims?.map((_, i) => x.dims!.length - 1 - i);
    return x?.dims && order?.map((axis) => x.dims![axis]);
  },
  Reshape: (node, [x, target]) =>
    reshape(x?.dims, target?.numbers, attribute(node, 'allowzero', 'integer') === 1),
  Flatten: (node, [x]) => {
    const axis = attribute(node, 'axis', 'integer') ?? 1;
    return x?.dims && [product(x.dims.slice(0, axis)), product(x.dims.slice(axis))];
  },
  Squeeze: (node, inputs) => {
    const dims = inputs[0]?.dims;
    const axes = axesOf(node, inputs);
    if (!axes) return node.inputs[1] ? undefined : dims?.filter((dim) => dim !== 1);
    return dims?.filter((_, i) => !axes.includes(i) && !axes.includes(i - dims.length));
  },
  Unsqueeze: (node, inputs) => {
    const dims = inputs[0]?.dims;
    const axes = axesOf(node, inputs);
    if (!dims || !axes) return undefined;
    const rank = dims.length + axes.length;
    const places = axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
    return places.reduce<Dims>((result, place) => result.toSpliced(place, 0, 1), dims);
  },
  MatMul: matMul,
  'com.microsoft.FusedMatMul': matMul,
  ...each('com.microsoft.QuickGelu com.microsoft.Gelu com.microsoft.MultiHeadAttention', first),
  'com.microsoft.Attention': (_, [x, weight]) => replaced(x?.dims, -1, third(weight?.dims?.[1])),
  Gemm: (node, [x, y]) => [
    x?.dims?.[attribute(node, 'transA', 'integer') ? 1 : 0],
    y?.dims?.[attribute(node, 'transB', 'integer') ? 0 : 1],
  ],
  Conv: (node, [x, weight]) => window(node, x?.dims, weight?.dims?.[0], weight?.dims?.slice(2)),
  Pad: (node, [x, input]) => {
    const pads = input?.numbers ?? attribute(node, 'pads', 'integers');
    const rank = x?.dims?.length ?? 0;
    if (pads?.length !== 2 * rank) return undefined;
    return x?.dims?.map((dim, i) => (dim === undefined ? undefined : dim + pads[i]! + pads[i + rank]!));
  },
  AveragePool: (node, [x]) => window(node, x?.dims, x?.dims?.[1]),
  Concat: (node, inputs) => {
    const axis = attribute(node, 'axis', 'integer') ?? 0;
    const sizes = inputs.map(({ dims }) => dims?.at(axis));
    const sum = sizes.reduce((a, b) => (a === undefined || b === undefined ? undefined : a + b), 0);
    return replaced(inputs[0]?.dims, axis, sum);
  },
  Gather: (node, [x, at]) => {
    if (!x?.dims || !at?.dims) return undefined;
    const stated = attribute(node, 'axis', 'integer') ?? 0;
    const axis = stated < 0 ? stated + x.dims.length : stated;
    return [...x.dims.slice(0, axis), ...at.dims, ...x.dims.slice(axis + 1)];
  },
  Slice: (node, inputs) => {
    const window = sliceOf(node, inputs);
    const size = window && inputs[0]?.dims?.at(window.axis);
    if (!window || size === undefined) return inputs[0]?.dims?.map(() => undefined);
    return replaced(
      inputs[0]?.dims,
      window.axis,
      Math.max(clamp(window.to, size) - clamp(window.from, size), 0),
    );
  },
  Expand: (_, [x, shape]) => broadcast(x?.dims, shape?.numbers),
  ...each('ReduceMean ReduceL2 ReduceSum', (node, inputs) => {
    const dims = inputs[0]?.dims;
    const axes = axesOf(node, inputs);
    const isOver = (i: number) => axes!.includes(i) || axes!.includes(i - dims!.length);
    if (!dims || !axes) return undefined;
    if (attribute(node, 'keepdims', 'integer') === 0) return dims.filter((_, i) => !isOver(i));
    return dims.map((dim, i) => (isOver(i) ? 1 : dim));
  }),
  /** With heads on an axis of their own. */
  Attention: (_, [query, , value]) =>
    query?.dims?.length === 4 ? [...query.dims.slice(0, 3), value?.dims?.[3]] : undefined,
};

/** Shapes of a node's outputs; undefined where they are not known. */
export function inferShapes(node: OnnxNode, inputs: readonly Known[]): readonly (Dims | undefined)[] {
  const operator = node.domain ? `${node.domain}.${node.operator}` : node.operator;
  if (operator === 'Split') return splitShapes(node, inputs);
  return Object.hasOwn(RULES, operator) ? [RULES[operator]!(node, inputs)] : [];
}

/** The window of a Slice; undefined where it is of several axes, has a step, or is not known. */
export function sliceOf(
  node: OnnxNode,
  inputs: readonly Known[],
): { from: number; to: number; axis: number } | undefined {
  const [from, to, axes, steps] = ['starts', 'ends', 'axes', 'steps'].map((name, i) =>
    node.inputs[i + 1] ? (inputs[i + 1]?.numbers ?? []) : attribute(node, name, 'integers'),
  );
  if (from?.length !== 1 || to?.length !== 1 || (steps && steps[0] !== 1)) return undefined;
  const axis = axes ? axes[0] : 0;
  return axis === undefined ? undefined : { from: from[0]!, to: to[0]!, axis };
}

function splitShapes(node: OnnxNode, inputs: readonly Known[]): readonly (Dims | undefined)[] {
  const dims = inputs[0]?.dims;
  const axis = attribute(node, 'axis', 'integer') ?? 0;
  const sizes = attribute(node, 'split', 'integers') ?? inputs[1]?.numbers;
  const whole = dims?.at(axis);
  const equal = whole === undefined ? undefined : Math.ceil(whole / node.outputs.length);
  return node.outputs.map((_, i) => replaced(dims, axis, sizes ? sizes[i] : equal));
}

function each(operators: string, rule: Rule): Record<string, Rule> {
  return Object.fromEntries(operators.split(' ').map((operator) => [operator, rule]));
}

/** A fused one may take its sides transposed; the axes before the last two keep their places here. */
function matMul(node: OnnxNode, [x, y]: readonly Known[]): Dims | undefined {
  if (!x?.dims || !y?.dims || x.dims.length < 2 || y.dims.length < 2) return undefined;
  if (attribute(node, 'transBatchA', 'integer') || attribute(node, 'transBatchB', 'integer'))
    return undefined;
  const batch = broadcast(x.dims.slice(0, -2), y.dims.slice(0, -2));
  const row = x.dims.at(attribute(node, 'transA', 'integer') ? -1 : -2);
  return batch && [...batch, row, y.dims.at(attribute(node, 'transB', 'integer') ? -2 : -1)];
}

function third(size: number | undefined): number | undefined {
  return size === undefined ? undefined : size / 3;
}

function first(_: OnnxNode, [x]: readonly Known[]): Dims | undefined {
  return x?.dims;
}

/** An attribute up to operator set 12, an input since; undefined where it is not stated or not known. */
function axesOf(node: OnnxNode, inputs: readonly Known[]): readonly number[] | undefined {
  return node.inputs[1] ? inputs[1]?.numbers : attribute(node, 'axes', 'integers');
}

function broadcast(a: Dims | undefined, b: Dims | undefined): Dims | undefined {
  if (!a || !b) return undefined;
  const rank = Math.max(a.length, b.length);
  const at = (dims: Dims, i: number) => (i < rank - dims.length ? 1 : dims[i - rank + dims.length]);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [at(a, i), at(b, i)];
    if (x === 1) return y;
    return y === 1 || y === undefined ? x : y;
  });
}

/** 0 keeps an axis, -1 takes what is left over. */
function reshape(
  dims: Dims | undefined,
  target: readonly number[] | undefined,
  allowZero: boolean,
): Dims | undefined {
  const result = target?.map((entry, i) => (entry === 0 && !allowZero ? dims?.[i] : entry));
  if (!result?.includes(-1)) return result;
  const [whole, part] = [product(dims), product(result.filter((entry) => entry !== -1))];
  return replaced(result, result.indexOf(-1), whole !== undefined && part ? whole / part : undefined);
}

function product(entries: Dims | undefined): number | undefined {
  return entries?.reduce((a, b) => (a === undefined || b === undefined ? undefined : a * b), 1);
}

function replaced(dims: Dims | undefined, axis: number, entry: number | undefined): Dims | undefined {
  return dims?.map((dim, i) => (i === axis || i === axis + dims.length ? entry : dim));
}

function clamp(at: number, size: number): number {
  return Math.min(Math.max(at < 0 ? at + size : at, 0), size);
}

/** What a sliding window leaves of two axes. */
function window(
  node: OnnxNode,
  dims: Dims | undefined,
  channels: number | undefined,
  sides?: Dims,
): Dims | undefined {
  if (dims?.length !== 4) return undefined;
  const kernel = attribute(node, 'kernel_shape', 'integers') ?? sides;
  const strides = attribute(node, 'strides', 'integers') ?? [1, 1];
  const pads = attribute(node, 'pads', 'integers') ?? [0, 0, 0, 0];
  const side = (i: number) => {
    const size = dims[i + 2];
    const length = kernel?.[i];
    if (size === undefined || length === undefined) return undefined;
    return Math.floor((size + pads[i]! + pads[i + 2]! - length) / strides[i]!) + 1;
  };
  return [dims[0], channels, side(0), side(1)];
}
