import { MEAN, STD } from '../recipe.ts';
import type { GraphDraft, Value } from './draft.ts';
import type { RewriteOptions } from './options.ts';

/**
 * The input of an image tower; gives normalised [rows, 3, R, R] in the type that convolutions take.
 *
 * Raw pixels go the same three float32 steps as outside the graph, bit by bit. They are not folded into the first convolution:
 * weights divided by 255 · std fall below float16's normal range, and CLIP's ResNet pads with zeros of the normalised scale.
 */
export function pixelInput(g: GraphDraft, resolution: number, pixels: RewriteOptions['pixels']): Value {
  if (pixels === 'float32') {
    const name = g.input('pixel_values', 'float32', ['rows', 3, resolution, resolution]);
    return g.cast({ name, type: 'float32' }, g.compute);
  }
  const raw = g.input('pixel_values', 'uint8', ['rows', resolution, resolution, 3]);
  const scaled = g.op('Div', [g.floatOf(raw, 'float32'), g.number(255, 'float32')]);
  const centred = g.op('Sub', [scaled, g.floats('pixel mean', MEAN, [3])]);
  const normal = g.op('Div', [centred, g.floats('pixel deviation', STD, [3])]);
  return g.transpose(g.cast(normal, g.compute), [0, 3, 1, 2]);
}
