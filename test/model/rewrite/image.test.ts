import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tensor } from 'onnxruntime-node';
import { MEAN, STD } from '../../../src/model/recipe.ts';
import { resnetArchitecture, visionArchitecture } from './architectures.ts';
import {
  assertClose,
  assertEqual,
  type Feeds,
  inFloat32,
  originals,
  pixels,
  rewrite,
  run,
} from './towers.ts';

const HEADS = 2;
const STAGES = [1, 1, 1, 1];
const [vit, resnet] = await Promise.all([originals('tiny'), originals('RN-tiny')]);
const TOWERS = [
  { name: 'ViT', folder: vit, resolution: 32, tower: await visionArchitecture(vit, HEADS) },
  { name: 'ResNet', folder: resnet, resolution: 224, tower: await resnetArchitecture(resnet, STAGES) },
] as const;
const original = (folder: string, feeds: Feeds) => run(`${folder}/visual.onnx`, feeds);

/** Raw pixels, and the same as the server normalises them: every step rounds to float32. */
function bothPixels(rows: number, resolution: number): { readonly raw: Tensor; readonly floats: Tensor } {
  const area = resolution ** 2;
  const raw = Uint8Array.from({ length: rows * area * 3 }, (_, i) => (i * 7 + (i >> 5) * 13) & 255);
  const floats = new Float32Array(raw.length);
  for (const [i, value] of raw.entries()) {
    const [row, cell, channel] = [Math.floor(i / area / 3), Math.floor(i / 3) % area, i % 3];
    const centred = Math.fround(Math.fround(value / 255) - Math.fround(MEAN[channel]!));
    floats[(row * 3 + channel) * area + cell] = Math.fround(centred / Math.fround(STD[channel]!));
  }
  return {
    raw: new Tensor('uint8', raw, [rows, resolution, resolution, 3]),
    floats: new Tensor('float32', floats, [rows, 3, resolution, resolution]),
  };
}

for (const { name, folder, resolution, tower } of TOWERS) {
  const feeds = { pixel_values: pixels(2, resolution) };
  test(`${name}: the original's vectors, for any number of rows`, async () => {
    const { path } = await rewrite(tower, folder);
    const expected = await original(folder, feeds);
    assertEqual(await run(path, feeds), expected);
    const first = (feeds.pixel_values.data as Float32Array).slice(0, 3 * resolution ** 2);
    const alone = new Tensor('float32', first, [1, 3, resolution, resolution]);
    assertEqual(await run(path, { pixel_values: alone }), expected.slice(0, 1));
  });

  test(`${name}: raw pixels are normalised inside, bit by bit as outside`, async () => {
    const { raw, floats } = bothPixels(2, resolution);
    const inside = await rewrite(tower, folder, { pixels: 'uint8' });
    assert.deepEqual([inside.input.type, inside.layout], ['uint8', 'nhwc']);
    const outside = await rewrite(tower, folder);
    const vectors = await run(inside.path, { pixel_values: raw });
    assert.deepEqual(vectors, await run(outside.path, { pixel_values: floats }));
    assertEqual(vectors, await original(folder, { pixel_values: floats }));
  });

  test(`${name}: 16 bits keep the direction, raw pixels or not`, async () => {
    const { raw, floats } = bothPixels(2, resolution);
    const expected = await original(folder, { pixel_values: floats });
    for (const precision of ['fp16', 'fp32-residual'] as const) {
      const plain = await rewrite(tower, folder, { precision });
      assertClose(await run(plain.path, { pixel_values: floats }), expected, 0.9995);
      const inside = await rewrite(tower, folder, { precision, pixels: 'uint8' });
      assertClose(await run(inside.path, { pixel_values: raw }), expected, 0.9995);
    }
    const brain = await rewrite(tower, folder, { precision: 'bf16' });
    assertClose(await run(await inFloat32(brain.path), { pixel_values: floats }), expected, 0.9995);
  });
}

test('a normalised original with plain GELU stays what it is', async () => {
  const folder = await originals('tiny', { normalised: true, activation: 'gelu' });
  const tower = await visionArchitecture(folder, HEADS, { normalised: true }, 'gelu');
  const feeds = { pixel_values: pixels(2, 32) };
  const { path } = await rewrite(tower, folder);
  assertEqual(await run(path, feeds), await original(folder, feeds));
});
