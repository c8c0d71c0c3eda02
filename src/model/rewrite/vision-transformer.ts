import type { VisionTransformerArchitecture } from '../architecture/architecture.ts';
import { convolution } from './convolution.ts';
import type { GraphDraft, Value } from './draft.ts';
import { norm, vectors } from './layers.ts';
import type { RewriteOptions } from './options.ts';
import { pixelInput } from './pixels.ts';
import { pictureSequence } from './sequence.ts';
import { transformer } from './transformer.ts';

export function buildVisionTransformer(
  g: GraphDraft,
  tower: VisionTransformerArchitecture,
  options: RewriteOptions,
): void {
  const { width } = tower.transformer;
  const columns = tower.positions.dims[0]!;
  const patches = convolution(g, pixelInput(g, tower.resolution, options.pixels), tower.patch, 'patch');
  const tokens = g.transpose(g.reshape(g.cast(patches, g.residual), [0, width, columns - 1]), [0, 2, 1]);
  const placed = g.op('Add', [
    g.op('Concat', [classTokens(g, tower, tokens), tokens], { axis: 1 }),
    g.weight('positions', tower.positions, g.residual, [columns, width]),
  ]);
  const normed = norm(g, placed, tower.preNorm, 'preNorm', g.residual);
  const sequence = pictureSequence(g, columns);
  const picked = transformer(g, g.reshape(normed, [-1, width]), tower.transformer, sequence);
  vectors(g, norm(g, picked, tower.postNorm, 'postNorm', 'float32'), tower.projection, tower);
}

/** [rows, 1, width] */
function classTokens(g: GraphDraft, tower: VisionTransformerArchitecture, tokens: Value): Value {
  const { width } = tower.transformer;
  const rows = g.integer('Slice', [g.integer('Shape', [tokens.name]), g.integers([0]), g.integers([1])]);
  const shape = g.integer('Concat', [rows, g.integers([1, width])], { axis: 0 });
  const token = g.weight('classToken', tower.classToken, g.residual, [1, 1, width]);
  return g.op('Expand', [token, shape]);
}
