import { ClipError } from '../../../errors.ts';
import { elementCount } from '../elements.ts';

/** Numbers in memory: Float32Array for the float types of 16 and 32 bits, Float64Array for all others. */
export type Elements = Float32Array | Float64Array;

/** Where a constant's numbers come from, in one order that never changes. */
export interface Source {
  /** Elements. */
  readonly count: number;
  /** How many readings and computations `read` takes. */
  readonly cost: number;
  /** At once, where they are in memory. */
  values(): Elements | undefined;
  /** `count` elements from the `from`th on. Throws `model_invalid` where the file no longer holds them. */
  read(from: number, count: number): Promise<Elements>;
}

/** A constant: element [i, j, …] is the source's at offset + i · strides[0] + j · strides[1] + … */
export interface View {
  /** `float32`, `int64`, … */
  readonly type: string;
  readonly dims: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly source: Source;
}

/** All of `source`, row-major. */
export function viewOf(type: string, dims: readonly number[], source: Source): View {
  return { type, dims, strides: rowMajor(dims), offset: 0, source };
}

/** Numbers that were computed. */
export function viewOfValues(type: string, dims: readonly number[], values: Elements): View {
  const source: Source = {
    count: values.length,
    cost: 0,
    values: () => values,
    read: async (from, count) => values.subarray(from, from + count),
  };
  return viewOf(type, dims, source);
}

/** Throws `model_invalid` where memory does not hold as many. */
export function allocate(type: string, count: number): Elements {
  const isFloat32 = type === 'float32' || type === 'float16' || type === 'bfloat16';
  try {
    return isFloat32 ? new Float32Array(count) : new Float64Array(count);
  } catch (cause) {
    throw new ClipError('model_invalid', `no memory for a constant of ${count} elements of ${type}`, {
      cause,
    });
  }
}

function rowMajor(dims: readonly number[]): number[] {
  const strides: number[] = [];
  let step = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= dims[axis]!;
  }
  return strides;
}

/** Whether the elements lie in the source one behind the other. */
export function isContiguous({ dims, strides }: View): boolean {
  const expected = rowMajor(dims);
  return elementCount(dims) < 2 || dims.every((dim, axis) => dim === 1 || strides[axis] === expected[axis]);
}

/** The same elements in the same order; undefined where they would have to move. `dims` holds as many. */
export function reshape(view: View, dims: readonly number[]): View | undefined {
  return isContiguous(view) ? { ...view, dims, strides: rowMajor(dims) } : undefined;
}

export function permute(view: View, axes: readonly number[]): View {
  const dims = axes.map((axis) => view.dims[axis]!);
  return { ...view, dims, strides: axes.map((axis) => view.strides[axis]!) };
}

/** `count` elements along `axis`: the `start`th, and on by `step`. */
export function slice(view: View, axis: number, start: number, count: number, step = 1): View {
  const dims = view.dims.with(axis, count);
  const strides = view.strides.with(axis, view.strides[axis]! * step);
  const offset = count === 0 ? view.offset : view.offset + start * view.strides[axis]!;
  return { ...view, dims, strides, offset };
}

/** Without `axis`, at its `index`th element. */
export function select(view: View, axis: number, index: number): View {
  return dropAxis({ ...view, offset: view.offset + index * view.strides[axis]! }, axis);
}

/** Without `axis`, whose first element stays. */
export function dropAxis(view: View, axis: number): View {
  return { ...view, dims: view.dims.toSpliced(axis, 1), strides: view.strides.toSpliced(axis, 1) };
}

export function insertAxis(view: View, axis: number): View {
  return { ...view, dims: view.dims.toSpliced(axis, 0, 1), strides: view.strides.toSpliced(axis, 0, 0) };
}

/** Repeated to `dims`, as ONNX broadcasts; undefined where it cannot be. */
export function broadcast(view: View, dims: readonly number[]): View | undefined {
  const missing = dims.length - view.dims.length;
  if (missing < 0) return undefined;
  const strides: number[] = [];
  for (const [axis, dim] of dims.entries()) {
    const own = axis < missing ? 1 : view.dims[axis - missing]!;
    if (own !== dim && own !== 1) return undefined;
    strides.push(own === dim && axis >= missing ? view.strides[axis - missing]! : 0);
  }
  return { ...view, dims, strides };
}

/** The shape that both broadcast to; undefined where there is none. */
export function commonShape(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const dims: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const [left, right] = [a[axis + a.length - rank] ?? 1, b[axis + b.length - rank] ?? 1];
    if (left !== right && left !== 1 && right !== 1) return undefined;
    dims.push(left === 1 ? right : left);
  }
  return dims;
}

/** The view's elements, row-major; undefined where they are not in memory. Not to be written to. */
export function valuesOf(view: View): Elements | undefined {
  const all = view.source.values();
  return all && arrange(view, all, 0);
}

/** The view's elements, row-major, read from where they lie. Not to be written to. */
export async function readValues(view: View): Promise<Elements> {
  if (elementCount(view.dims) === 0) return allocate(view.type, 0);
  const { first, last } = reach(view);
  return arrange(view, await view.source.read(first, last + 1 - first), first);
}

/** First and last element of the source that the view takes. */
function reach({ dims, strides, offset }: View): { first: number; last: number } {
  let first = offset;
  let last = offset;
  for (const [axis, dim] of dims.entries()) {
    const way = (dim - 1) * strides[axis]!;
    if (way < 0) first += way;
    else last += way;
  }
  return { first, last };
}

/** `from` begins at the source's `first`th element. */
function arrange(view: View, from: Elements, first: number): Elements {
  const { type, dims, strides } = view;
  const count = elementCount(dims);
  const offset = view.offset - first;
  if (isContiguous(view)) return from.subarray(offset, offset + count);
  const to = allocate(type, count);
  const inner = dims.at(-1)!;
  const step = strides.at(-1)!;
  const place = new Array<number>(dims.length - 1).fill(0);
  for (let written = 0, row = offset; written < count; ) {
    for (let i = 0, at = row; i < inner; i++, at += step) to[written++] = from[at]!;
    for (let axis = place.length - 1; axis >= 0; axis--) {
      row += strides[axis]!;
      if (++place[axis]! < dims[axis]!) break;
      row -= strides[axis]! * dims[axis]!;
      place[axis] = 0;
    }
  }
  return to;
}
