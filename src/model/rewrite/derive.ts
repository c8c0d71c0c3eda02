import type { Linear, Weight } from '../architecture/architecture.ts';
import { floatBytes } from './floats.ts';

/** Rows `from` to `from + count` of the first axis. They lie together, so that a weight with a place keeps one. */
export function sliceRows(weight: Weight, from: number, count: number): Weight {
  const dims = [count, ...weight.dims.slice(1)];
  const size = elements(weight.dims.slice(1));
  const bytes = size * floatBytes(weight.type);
  const { place } = weight;
  return {
    dims,
    type: weight.type,
    ...(place && { place: { ...place, offset: place.offset + from * bytes, length: count * bytes } }),
    read: async () => (await weight.read()).subarray(from * size, (from + count) * size),
  };
}

/** Columns `from` to `from + count` of a matrix. */
export function sliceColumns(weight: Weight, from: number, count: number): Weight {
  const [rows, columns] = weight.dims as [number, number];
  return computed(weight, [rows, count], (source, target) => {
    for (let row = 0; row < rows; row++) {
      const start = row * columns + from;
      target.set(source.subarray(start, start + count), row * count);
    }
  });
}

/** The elements, read as a tensor of three axes, with the axes in another order. */
export function permute(
  weight: Weight,
  shape: readonly [number, number, number],
  order: readonly [number, number, number],
): Weight {
  const steps = [shape[1] * shape[2], shape[2], 1];
  const [n0, n1, n2] = order.map((axis) => shape[axis]!) as [number, number, number];
  const [s0, s1, s2] = order.map((axis) => steps[axis]!) as [number, number, number];
  return computed(weight, [n0, n1, n2], (source, target) => {
    let at = 0;
    for (let i = 0; i < n0; i++)
      for (let j = 0; j < n1; j++)
        for (let k = 0, from = i * s0 + j * s1; k < n2; k++, from += s2) target[at++] = source[from]!;
  });
}

/** Outputs `from` to `from + count` of a linear layer. */
export function sliceOutputs(linear: Linear, from: number, count: number): Linear {
  const slice = linear.layout === 'out-in' ? sliceRows : sliceColumns;
  const { bias } = linear;
  return {
    ...linear,
    outputs: count,
    weight: slice(linear.weight, from, count),
    ...(bias && { bias: sliceRows(bias, from, count) }),
  };
}

function computed(
  { type, read }: Weight,
  dims: readonly number[],
  fill: (source: Float32Array, target: Float32Array) => void,
): Weight {
  return {
    dims,
    type,
    read: async () => {
      const target = new Float32Array(elements(dims));
      fill(await read(), target);
      return target;
    },
  };
}

function elements(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}
