import type { Graph } from './graph.ts';
import type { ModelOptions } from './options.ts';
import { batchOf, idInput, vectorOutput } from './ports.ts';

/** What the fakes of TensorRT compute of any graph: component j is the sum over the row of the input, plus j. */
function rowSums(g: Graph, rows: string, width: number, options: ModelOptions): void {
  const floats = g.op('Flatten', [g.op('Cast', [rows], { to: 1 })], { axis: 1 });
  const sums = g.op('ReduceSum', [floats, g.integers([1])], { keepdims: 1 });
  const columns = Array.from({ length: width }, (_, j) => j);
  vectorOutput(g, g.op('Add', [sums, g.floats('columns', columns, [1, width])]), width, options);
}

/** Sums are exact: 77 ids stay below 2 ** 24. */
export function summedIds(g: Graph, width: number, options: ModelOptions): void {
  rowSums(g, idInput(g, options), width, options);
}

/** Of bytes as they are, of floats as the server normalises them. */
export function summedPixels(g: Graph, resolution: number, width: number, options: ModelOptions): void {
  const bytes = options.pixels === 'uint8';
  const shape = bytes ? [resolution, resolution, 3] : [3, resolution, resolution];
  const name = options.names?.pixels ?? 'pixel_values';
  const pixels = g.input(name, bytes ? 'uint8' : 'float32', [batchOf(options), ...shape]);
  rowSums(g, pixels, width, options);
}
