import type { Dimension, Graph } from './graph.ts';
import type { ModelOptions } from './options.ts';

export const CONTEXT = 77;
/** CLIP's pixel statistics, RGB (openai/CLIP). */
const MEAN = [0.48145466, 0.4578275, 0.40821073];
const STD = [0.26862954, 0.26130258, 0.27577711];

export function batchOf(options: ModelOptions): Dimension {
  return options.fixedBatch ? 1 : 'batch';
}

/** The input of an image tower; returns float32 [batch, 3, R, R], normalised. */
export function pixelInput(g: Graph, resolution: number, options: ModelOptions): string {
  const name = options.names?.pixels ?? 'pixel_values';
  if (options.pixels === 'uint8') {
    const raw = g.input(name, 'uint8', [batchOf(options), resolution, resolution, 3]);
    const scaled = g.op('Div', [g.op('Cast', [raw], { to: 1 }), g.floats('byte', [255])]);
    const centred = g.op('Sub', [scaled, g.floats('pixel_mean', MEAN, [3])]);
    const normal = g.op('Div', [centred, g.floats('pixel_std', STD, [3])]);
    return g.op('Transpose', [normal], { perm: [0, 3, 1, 2] });
  }
  const type = options.io ?? 'float32';
  const pixels = g.input(name, type, [batchOf(options), 3, resolution, resolution]);
  return type === 'float16' ? g.op('Cast', [pixels], { to: 1 }) : pixels;
}

/** The inputs of a text tower; returns int32 or int64 ids [batch, 77], or [batch, columns] where they are dynamic. */
export function idInput(g: Graph, options: ModelOptions): string {
  const type = options.ids ?? 'int32';
  const shape = [batchOf(options), options.columns === 'dynamic' ? 'columns' : CONTEXT];
  const ids = g.input(options.names?.ids ?? 'input_ids', type, shape);
  if (options.attentionMask) g.input('attention_mask', type, shape);
  return ids;
}

/** The output of either tower, [batch, width]. */
export function vectorOutput(g: Graph, value: string, width: number, options: ModelOptions): void {
  const type = options.io ?? 'float32';
  let result = value;
  if (options.normalised)
    result = g.op('Div', [result, g.op('ReduceL2', [result], { axes: [-1], keepdims: 1 })]);
  if (type === 'float16') result = g.op('Cast', [result], { to: 10 });
  g.output(result, { name: options.names?.output ?? 'output', type, shape: [batchOf(options), width] });
}
