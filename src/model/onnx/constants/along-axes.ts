import { attribute } from '../attributes.ts';
import { elementCount } from '../elements.ts';
import type { View } from './view.ts';
import { axisOf, type Call, isFloat, isInteger, type Operation } from './workshop.ts';

/** Operators that compute along axes. */
export const ALONG_AXES: Readonly<Record<string, Operation>> = {
  ReduceProd: reduce(1, (a, b) => a * b),
  ReduceSum: reduce(0, (a, b) => a + b),
  ReduceMax: reduce(Number.NEGATIVE_INFINITY, Math.max),
  ReduceMin: reduce(Number.POSITIVE_INFINITY, Math.min),
  CumSum: cumulate,
  Trilu: triangle,
};

function reduce(start: number, join: (a: number, b: number) => number): Operation {
  return ({ node, inputs: [x, given], workshop }) => {
    if (!x || (!isInteger(x.type) && !isFloat(x.type))) return undefined;
    const rank = x.dims.length;
    const stated = attribute(node, 'axes', 'integers') ?? workshop.perAxis(given);
    if (given && !stated) return undefined;
    const isEmpty = !stated || stated.length === 0;
    if (isEmpty && attribute(node, 'noop_with_empty_axes', 'integer') === 1) return [x];
    const axes = isEmpty ? x.dims.map((_, axis) => axis) : stated.map((axis) => axisOf(axis, rank));
    if (axes.includes(undefined)) return undefined;
    const kept = x.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    const dims =
      attribute(node, 'keepdims', 'integer') === 0 ? kept.filter((_, axis) => !axes.includes(axis)) : kept;
    const made = workshop.make(x.type, dims, [x], ([from], to) => {
      const sums = new Float64Array(to.length).fill(start);
      for (let i = 0; i < from!.length; i++) {
        const at = flatten(i, x.dims, kept);
        sums[at] = join(sums[at]!, from![i]!);
      }
      to.set(sums);
    });
    return made && [made];
  };
}

/** Place in a row-major array of `to` of the `index`th of `from`, where an axis of 1 takes every index. */
function flatten(index: number, from: readonly number[], to: readonly number[]): number {
  let rest = index;
  let place = 0;
  let step = 1;
  for (let axis = from.length - 1; axis >= 0; axis--) {
    const at = rest % from[axis]!;
    rest = Math.floor(rest / from[axis]!);
    if (to[axis]! > 1) place += at * step;
    step *= to[axis]!;
  }
  return place;
}

function cumulate({ node, inputs: [x, given], workshop }: Call): readonly View[] | undefined {
  const axis = x && axisOf(workshop.perAxis(given)?.[0] ?? Number.NaN, x.dims.length);
  if (axis === undefined) return undefined;
  const isExclusive = attribute(node, 'exclusive', 'integer') === 1;
  const isReverse = attribute(node, 'reverse', 'integer') === 1;
  const length = x!.dims[axis]!;
  const inner = elementCount(x!.dims.slice(axis + 1));
  const made = workshop.make(x!.type, x!.dims, [x!], ([from], to) => {
    for (let lane = 0; lane < to.length / length; lane++) {
      const first = Math.floor(lane / inner) * length * inner + (lane % inner);
      let sum = 0;
      for (let i = 0; i < length; i++) {
        const at = first + (isReverse ? length - 1 - i : i) * inner;
        const before = sum;
        sum += from![at]!;
        if (to instanceof Float32Array) sum = Math.fround(sum);
        to[at] = isExclusive ? before : sum;
      }
    }
  });
  return made && [made];
}

/** Keeps the upper or lower triangle of the last two axes, moved by k, and sets the rest to 0. */
function triangle({ node, inputs: [x, given], workshop }: Call): readonly View[] | undefined {
  const [rows, columns] = x?.dims.slice(-2) ?? [];
  const moved = given ? workshop.perAxis(given)?.[0] : 0;
  if (!x || rows === undefined || columns === undefined || moved === undefined) return undefined;
  const isUpper = (attribute(node, 'upper', 'integer') ?? 1) === 1;
  const made = workshop.make(x.type, x.dims, [x], ([from], to) => {
    for (let i = 0; i < to.length; i++) {
      const distance = (i % columns) - (Math.floor(i / columns) % rows) - moved;
      to[i] = (isUpper ? distance >= 0 : distance <= 0) ? from![i]! : 0;
    }
  });
  return made && [made];
}
