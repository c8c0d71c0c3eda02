import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { loadAddon, type ResizeJob } from '../../src/native/addon.ts';
import { AWKWARD, job, noise, PILLOW } from './pictures.ts';

const addon = loadAddon();

for (const kernel of addon.kernels)
  for (const [name, picture, sum, hash] of PILLOW)
    test(`${name} through ${kernel} gives Pillow's bytes`, async () => {
      const crop = await addon.resizeCrop({ ...picture, kernel });
      assert.equal(
        crop.reduce((total, value) => total + value, 0),
        sum,
      );
      assert.equal(createHash('sha256').update(crop).digest('hex').slice(0, 16), hash);
    });

test('all kernels give the same bytes for noise of every mode and awkward size', async () => {
  for (const [mode, channels] of [
    ['L', 1],
    ['RGB', 3],
    ['RGBA', 4],
    ['RGBX', 4],
    ['CMYK', 4],
  ] as const)
    for (const [width, height] of AWKWARD) {
      const data = noise(width * height * channels);
      const crops = await Promise.all(
        addon.kernels.map((kernel) => addon.resizeCrop({ ...job(mode, width, height, data, 96), kernel })),
      );
      for (const crop of crops) assert.deepEqual(crop, crops[0], `${mode} ${width}x${height}`);
    }
});

test('a picture as narrow as the limit is cropped, a narrower one is refused', async () => {
  const crop = await addon.resizeCrop(job('RGB', 149_796, 1, new Uint8Array(149_796 * 3).fill(9)));
  assert.ok(crop.every((value) => value === 9));
  const narrower = job('RGB', 149_797, 1, new Uint8Array(149_797 * 3));
  await assert.rejects(addon.resizeCrop(narrower), /too narrow.*33554528/);
});

test('a job that cannot be is refused with what was expected and what came', async () => {
  const right = job('RGB', 4, 3, new Uint8Array(36), 8);
  const wrong: ReadonlyArray<readonly [Record<string, unknown>, RegExp]> = [
    [{ width: 0 }, /width: 1 to 16777215 expected, got 0/],
    [{ width: 1.5 }, /width: an integer expected, got 1.5/],
    [{ width: 2 ** 40 }, /width: 1 to 16777215 expected, got 1099511627776/],
    [{ height: Number.NaN }, /height: an integer expected, got NaN/],
    [{ height: -1 }, /height: 1 to/],
    [{ height: '3' }, /height: an integer expected, got 3/],
    [{ resolution: 2049 }, /resolution: 1 to 2048 expected, got 2049/],
    [{ mode: 'YUV' }, /mode: one of L, RGB, .* expected, got YUV/],
    [{ mode: 7 }, /mode: a string expected, got 7/],
    [{ data: [1, 2, 3] }, /data: a Uint8Array expected/],
    [{ data: new Float32Array(36) }, /data: a Uint8Array expected/],
    [
      { mode: 'P', data: new Uint8Array(12), palette: new Uint8Array(3) },
      /palette: 768 bytes expected, got 3/,
    ],
    [{ mode: 'P', data: new Uint8Array(12), palette: undefined }, /palette: a Uint8Array expected/],
    [{ kernel: 'abacus' }, /kernel: this processor does not run abacus/],
  ];
  for (const [fault, message] of wrong)
    assert.throws(() => addon.resizeCrop({ ...right, ...fault } as unknown as ResizeJob), message);
  for (const length of [0, 35, 37])
    await assert.rejects(
      addon.resizeCrop({ ...right, data: new Uint8Array(length) }),
      /36 bytes of pixels expected/,
    );
});
