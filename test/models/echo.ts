import type { Graph } from './graph.ts';
import type { ModelOptions } from './options.ts';
import { CONTEXT, idInput, pixelInput, vectorOutput } from './ports.ts';

/** The ids come back as floats, followed by zeros up to `width`. */
export function echoIds(g: Graph, width: number, options: ModelOptions): void {
  const ids = g.op('Cast', [idInput(g, options)], { to: 1 });
  const padded = g.op('Pad', [ids, g.integers([0, 0, 0, width - CONTEXT])]);
  vectorOutput(g, padded, width, options);
}

/** The normalised pixels come back, plane by plane, as a vector of 3·R·R. */
export function echoPixels(g: Graph, resolution: number, options: ModelOptions): void {
  const flat = g.op('Flatten', [pixelInput(g, resolution, options)], { axis: 1 });
  vectorOutput(g, flat, 3 * resolution ** 2, options);
}

/** The first `width` pixels of the red plane come back. */
export function firstPixels(g: Graph, resolution: number, width: number, options: ModelOptions): void {
  const flat = g.op('Flatten', [pixelInput(g, resolution, options)], { axis: 1 });
  const head = g.op('Slice', [flat, g.integers([0]), g.integers([width]), g.integers([1])]);
  vectorOutput(g, head, width, options);
}

/** A random projection of the picture's means over a 4 × 4 grid: every pixel counts, at next to no cost. */
export function projectedMeans(g: Graph, resolution: number, width: number, options: ModelOptions): void {
  const cell = resolution / 4;
  const means = g.op('AveragePool', [pixelInput(g, resolution, options)], {
    kernel_shape: [cell, cell],
    strides: [cell, cell],
  });
  const flat = g.op('Flatten', [means], { axis: 1 });
  vectorOutput(g, g.op('MatMul', [flat, g.weight('projection', [48, width], 48 ** -0.5)]), width, options);
}
