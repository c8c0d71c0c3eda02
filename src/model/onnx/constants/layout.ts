import { attribute } from '../attributes.ts';
import { elementCount } from '../elements.ts';
import { broadcast, commonShape, dropAxis, insertAxis, permute, reshape, slice, type View } from './view.ts';
import { axisOf, type Call, MAX_RANK, type Operation } from './workshop.ts';

/** Operators that only say in which order and shape their first input's elements are seen. */
export const LAYOUT: Readonly<Record<string, Operation>> = {
  Identity: ({ inputs: [x] }) => x && [x],
  Reshape: (call) => {
    const [x, shape] = call.inputs;
    const wanted = call.opset < 5 ? attribute(call.node, 'shape', 'integers') : call.workshop.perAxis(shape);
    const keepsZero = attribute(call.node, 'allowzero', 'integer') === 1;
    const dims = x && wanted && resolveShape(x.dims, wanted, keepsZero);
    return dims && dims.length <= MAX_RANK ? reshaped(call, x, dims) : undefined;
  },
  Flatten: (call) => {
    const [x] = call.inputs;
    const stated = attribute(call.node, 'axis', 'integer') ?? 1;
    if (!x || Math.abs(stated) > x.dims.length) return undefined;
    const axis = stated < 0 ? stated + x.dims.length : stated;
    return reshaped(call, x, [elementCount(x.dims.slice(0, axis)), elementCount(x.dims.slice(axis))]);
  },
  Squeeze: (call) => {
    const [x] = call.inputs;
    if (!x) return undefined;
    const ones = x.dims.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
    const isStated = call.node.attributes.has('axes') || call.inputs[1] !== undefined;
    const axes = isStated ? axesOf(call, x.dims.length) : ones;
    if (!axes?.every((axis) => ones.includes(axis))) return undefined;
    return [axes.toReversed().reduce(dropAxis, x)];
  },
  Unsqueeze: (call) => {
    const [x] = call.inputs;
    const count =
      (attribute(call.node, 'axes', 'integers') ?? call.workshop.perAxis(call.inputs[1]))?.length ?? 0;
    const axes = x && axesOf(call, x.dims.length + count);
    return axes && [axes.reduce(insertAxis, x)];
  },
  Transpose: ({ node, inputs: [x] }) => {
    const axes = x?.dims.map((_, axis) => axis);
    const order = attribute(node, 'perm', 'integers') ?? axes?.toReversed();
    if (!x || !order || order.toSorted((a, b) => a - b).join() !== axes!.join()) return undefined;
    return [permute(x, order)];
  },
  Expand: ({ inputs: [x, shape], workshop }) => {
    const wanted = workshop.perAxis(shape);
    const dims = x && wanted?.every(isDimension) ? commonShape(x.dims, wanted) : undefined;
    const view = dims && broadcast(x!, dims);
    return view && [view];
  },
  Slice: sliced,
  Split: split,
};

function isDimension(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** As `dims`; the elements are copied where they do not lie so. */
function reshaped({ workshop }: Call, view: View, dims: readonly number[]): readonly View[] | undefined {
  const made = reshape(view, dims) ?? workshop.make(view.type, dims, [view], ([from], to) => to.set(from!));
  return made && [made];
}

function resolveShape(
  from: readonly number[],
  wanted: readonly number[],
  keepsZero: boolean,
): number[] | undefined {
  const dims = wanted.map((dim, axis) => (dim === 0 && !keepsZero ? (from[axis] ?? -2) : dim));
  const open = dims.indexOf(-1);
  if (open >= 0) dims[open] = elementCount(from) / elementCount(dims.toSpliced(open, 1));
  return dims.every(isDimension) && elementCount(dims) === elementCount(from) ? dims : undefined;
}

/** Ascending axes of an attribute or the second input, each once. */
function axesOf({ node, inputs, workshop }: Call, rank: number): number[] | undefined {
  const stated = attribute(node, 'axes', 'integers') ?? workshop.perAxis(inputs[1]);
  if (rank > MAX_RANK) return undefined;
  const axes = stated?.map((axis) => axisOf(axis, rank));
  if (!axes?.every((axis) => axis !== undefined) || new Set(axes).size < axes.length) return undefined;
  return axes.sort((a, b) => a - b);
}

function sliced({ node, opset, inputs, workshop }: Call): readonly View[] | undefined {
  const [x, ...bounds] = inputs;
  const names = ['starts', 'ends', 'axes'] as const;
  const stated =
    opset < 10
      ? names.map((name) => attribute(node, name, 'integers'))
      : bounds.map((bound) => workshop.perAxis(bound));
  if (!x || bounds.some((bound, at) => bound && !stated[at])) return undefined;
  const [starts, ends, axes = starts?.map((_, axis) => axis), steps = starts?.map(() => 1)] = stated;
  if (!starts || starts.length > MAX_RANK || ends?.length !== starts.length || axes?.length !== starts.length)
    return undefined;
  if (steps?.length !== starts.length) return undefined;
  let view = x;
  for (const [at, stated] of axes.entries()) {
    const axis = axisOf(stated, x.dims.length);
    const step = steps[at]!;
    if (axis === undefined || step === 0 || !Number.isSafeInteger(step)) return undefined;
    const { start, count } = range(x.dims[axis]!, starts[at]!, ends[at]!, step);
    view = slice(view, axis, start, count, step);
  }
  return [view];
}

/** Bounds of a slice as ONNX clamps them. */
function range(dim: number, from: number, to: number, step: number): { start: number; count: number } {
  const clamp = (bound: number, least: number, most: number) =>
    Math.min(Math.max(bound < 0 ? bound + dim : bound, least), most);
  const isForward = step > 0;
  const start = clamp(from, 0, isForward ? dim : dim - 1);
  const end = isForward ? clamp(to, 0, dim) : clamp(to, -1, dim - 1);
  return { start, count: Math.max(0, Math.ceil((end - start) / step)) };
}

function split({ node, opset, inputs: [x, given], workshop }: Call): readonly View[] | undefined {
  const axis = x && axisOf(attribute(node, 'axis', 'integer') ?? 0, x.dims.length);
  if (axis === undefined) return undefined;
  const dim = x!.dims[axis]!;
  const parts = node.outputs.length;
  const even = Array.from({ length: parts }, (_, at) => {
    const size = Math.ceil(dim / parts);
    return Math.max(0, Math.min(size, dim - at * size));
  });
  const sizes = attribute(node, 'split', 'integers') ?? (given ? workshop.numbers(given) : even);
  if (sizes?.length !== parts || !sizes.every(isDimension)) return undefined;
  if (sizes.reduce((sum, size) => sum + size, 0) !== dim) return undefined;
  if (sizes === even && opset < 18 && dim % parts !== 0) return undefined;
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return slice(x!, axis, start - size, size);
  });
}
