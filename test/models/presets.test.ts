import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Graph } from './graph.ts';
import { PRESETS, type Preset } from './presets.ts';

/** Parameters of the image and of the text tower without the logit scale, and running statistics of the image tower. */
const PUBLISHED = {
  RN50: [38_316_896, 63_690_240, 53_248],
  RN101: [56_259_936, 63_428_096, 105_472],
  RN50x4: [87_137_080, 91_163_520, 109_760],
  RN50x16: [167_328_912, 123_650_304, 193_920],
  RN50x64: [420_380_352, 202_877_952, 410_624],
  'ViT-B-32': [87_849_216, 63_428_096, 0],
  'ViT-B-16': [86_192_640, 63_428_096, 0],
  'ViT-L-14': [303_966_208, 123_650_304, 0],
  'ViT-L-14-336': [304_293_888, 123_650_304, 0],
} as const satisfies Partial<Record<Preset, readonly number[]>>;

interface Counts {
  readonly parameters: number;
  readonly statistics: number;
}

function count(tower: 'image' | 'text', preset: Preset): Counts {
  const graph = new Graph(tower);
  PRESETS[preset][tower](graph, { preset });
  const weights = graph.tensors.filter(({ content }) => !(content instanceof Uint8Array));
  const sum = (statistics: boolean) =>
    weights
      .filter(({ name }) => /\.bn\.(mean|var)$/.test(name) === statistics)
      .reduce((total, { shape }) => total + shape.reduce((product, dim) => product * dim, 1), 0);
  return { parameters: sum(false), statistics: sum(true) };
}

for (const [preset, [image, text, statistics]] of Object.entries(PUBLISHED)) {
  test(`${preset} has as many parameters as openai/CLIP's`, () => {
    assert.deepEqual(count('image', preset as Preset), { parameters: image, statistics });
    assert.deepEqual(count('text', preset as Preset), { parameters: text, statistics: 0 });
  });
}
