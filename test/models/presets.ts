import { echoIds, echoPixels, firstPixels, projectedMeans } from './echo.ts';
import type { Graph } from './graph.ts';
import type { ModelOptions } from './options.ts';
import { type ResnetShape, resnet } from './resnet.ts';
import { summedIds, summedPixels } from './sum.ts';
import { textTower } from './text-transformer.ts';
import type { TransformerShape } from './transformer.ts';
import { type VisionTransformerShape, visionTransformer } from './vision-transformer.ts';

export interface Pair {
  /** Components of the vector, equal for both towers. */
  readonly width: number;
  readonly resolution: number;
  text(g: Graph, options: ModelOptions): void;
  image(g: Graph, options: ModelOptions): void;
}

function clip(width: number, image: VisionTransformerShape | ResnetShape, text: TransformerShape): Pair {
  return {
    width,
    resolution: image.resolution,
    text: (g, options) => textTower(g, text, width, options),
    image: (g, options) =>
      'stages' in image ? resnet(g, image, width, options) : visionTransformer(g, image, width, options),
  };
}

function echo(
  width: number,
  resolution: number,
  image: (g: Graph, resolution: number, width: number, options: ModelOptions) => void,
): Pair {
  return {
    width,
    resolution,
    text: (g, options) => echoIds(g, width, options),
    image: (g, options) => image(g, resolution, width, options),
  };
}

function echoImage(resolution: number): Pair {
  const pixels = (g: Graph, side: number, _: number, options: ModelOptions) => echoPixels(g, side, options);
  return echo(3 * resolution ** 2, resolution, pixels);
}

const TEXT_512 = { width: 512, layers: 12, heads: 8 };
const TEXT_640 = { width: 640, layers: 12, heads: 10 };
const TEXT_768 = { width: 768, layers: 12, heads: 12 };
const TEXT_1024 = { width: 1024, layers: 12, heads: 16 };
const VIT_B = { resolution: 224, width: 768, layers: 12, heads: 12 };
const VIT_L = { patch: 14, width: 1024, layers: 24, heads: 16 };

/** The published shapes are those of openai/CLIP. */
export const PRESETS = {
  tiny: clip(
    32,
    { resolution: 32, patch: 8, width: 32, layers: 2, heads: 2 },
    { width: 16, layers: 2, heads: 2 },
  ),
  'tiny-224': clip(
    512,
    { resolution: 224, patch: 32, width: 64, layers: 2, heads: 2 },
    { width: 64, layers: 2, heads: 2 },
  ),
  'RN-tiny': clip(
    512,
    { resolution: 224, width: 8, stages: [1, 1, 1, 1] },
    { width: 64, layers: 2, heads: 2 },
  ),
  RN50: clip(1024, { resolution: 224, width: 64, stages: [3, 4, 6, 3] }, TEXT_512),
  RN101: clip(512, { resolution: 224, width: 64, stages: [3, 4, 23, 3] }, TEXT_512),
  RN50x4: clip(640, { resolution: 288, width: 80, stages: [4, 6, 10, 6] }, TEXT_640),
  RN50x16: clip(768, { resolution: 384, width: 96, stages: [6, 8, 18, 8] }, TEXT_768),
  RN50x64: clip(1024, { resolution: 448, width: 128, stages: [3, 15, 36, 10] }, TEXT_1024),
  'ViT-B-32': clip(512, { ...VIT_B, patch: 32 }, TEXT_512),
  'ViT-B-16': clip(512, { ...VIT_B, patch: 16 }, TEXT_512),
  'ViT-L-14': clip(768, { ...VIT_L, resolution: 224 }, TEXT_768),
  'ViT-L-14-336': clip(768, { ...VIT_L, resolution: 336 }, TEXT_768),
  /** Ids come back; the image tower is a cheap projection that every pixel enters. */
  'echo-text': echo(512, 224, projectedMeans),
  /** Pixels come back as [3, R, R] flattened. */
  'echo-image-32': echoImage(32),
  'echo-image-224': echoImage(224),
  /** Costs nothing: ids padded to 512, the first 512 pixels. */
  pad: echo(512, 224, firstPixels),
  /** What the fakes of TensorRT compute: no vector tells by its direction alone whether the row was right. */
  sum: {
    width: 32,
    resolution: 16,
    text: (g, options) => summedIds(g, 32, options),
    image: (g, options) => summedPixels(g, 16, 32, options),
  },
} as const satisfies Record<string, Pair>;

export type Preset = keyof typeof PRESETS;
