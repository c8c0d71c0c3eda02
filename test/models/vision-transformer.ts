import type { Graph } from './graph.ts';
import type { ModelOptions } from './options.ts';
import { pixelInput, vectorOutput } from './ports.ts';
import { norm, type TransformerShape, transformer } from './transformer.ts';

export interface VisionTransformerShape extends TransformerShape {
  readonly resolution: number;
  readonly patch: number;
}

/** CLIP's ViT image tower: patches by one convolution, a class token in front, the vector from the class token. */
export function visionTransformer(
  g: Graph,
  shape: VisionTransformerShape,
  embed: number,
  options: ModelOptions,
): void {
  const { resolution, patch, width } = shape;
  const cells = (resolution / patch) ** 2;
  const kernel = g.weight('conv1.weight', [width, 3, patch, patch], width ** -0.5 / patch);
  const patches = g.op('Conv', [pixelInput(g, resolution, options), kernel], {
    kernel_shape: [patch, patch],
    strides: [patch, patch],
  });
  const flat = g.op('Reshape', [patches, g.integers([0, width, cells])]);
  const tokens = g.op('Transpose', [flat], { perm: [0, 2, 1] });
  const batch = g.op('Slice', [g.op('Shape', [tokens]), g.integers([0]), g.integers([1])]);
  const size = g.op('Concat', [batch, g.integers([1, width])], { axis: 0 });
  const first = g.op('Expand', [g.weight('class_embedding', [1, 1, width], width ** -0.5), size]);
  const positions = g.weight('positional_embedding', [cells + 1, width], width ** -0.5);
  const placed = g.op('Add', [g.op('Concat', [first, tokens], { axis: 1 }), positions]);
  const hidden = transformer(g, norm(g, placed, 'ln_pre', width), shape, options.activation);
  const pooled = g.op('Gather', [hidden, g.integers([0], [])], { axis: 1 });
  const projection = g.weight('proj', [width, embed], width ** -0.5);
  vectorOutput(g, g.op('MatMul', [norm(g, pooled, 'ln_post', width), projection]), embed, options);
}
