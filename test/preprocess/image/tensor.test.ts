import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../src/config/limits.ts';
import { ClipError } from '../../../src/errors.ts';
import { loadAddon } from '../../../src/native/addon.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { ImagePreprocessor } from '../../../src/preprocess/image/preprocessor.ts';
import type { Tensor } from '../../../src/preprocess/image/tensor.ts';

const addon = loadAddon();
const images = new ImagePreprocessor({
  resolution: 4,
  workers: 1,
  limits: DEFAULT_LIMITS,
  addon,
  metrics: new Metrics(),
});
const crop = async (shape: number[], data: Tensor['data']) => [
  ...(await images.fromTensor({ shape, data }, new AbortController().signal)),
];
const ramp = (length: number) => new Uint8Array(length).map((_, i) => i * 5);

test('three axes are RGB, four channels lose the fourth without touching the others', async () => {
  const rgb = ramp(4 * 4 * 3);
  assert.deepEqual(await crop([4, 4, 3], rgb), [...rgb]);
  const rgba = new Uint8Array(4 * 4 * 4).map((_, i) =>
    i % 4 === 3 ? 0 : rgb[Math.floor(i / 4) * 3 + (i % 4)]!,
  );
  assert.deepEqual(await crop([4, 4, 4], rgba), [...rgb]);
});

test('four channels are resized like three: the fourth is not taken for alpha', async () => {
  const rgb = ramp(9 * 7 * 3);
  const four = new Uint8Array(9 * 7 * 4).map((_, i) =>
    i % 4 === 3 ? i : rgb[Math.floor(i / 4) * 3 + (i % 4)]!,
  );
  assert.deepEqual(await crop([9, 7, 4], four), await crop([9, 7, 3], rgb));
});

test('two axes are grey, and axes of one are dropped wherever they stand', async () => {
  const grey = ramp(16);
  const repeated = [...grey].flatMap((value) => [value, value, value]);
  for (const shape of [
    [4, 4],
    [4, 4, 1],
    [1, 4, 4],
    [1, 4, 1, 4, 1],
  ])
    assert.deepEqual(await crop(shape, grey), repeated);
});

test('numbers are cast to bytes as NumPy does: fractions cut, the rest wraps', async () => {
  const floats = [0.99, 255.9, 256, 300.7, -1, -1.5, -0.4, 511, 1, 2, 3, 4, 5, 6, 7, 8];
  const bytes = [0, 255, 0, 44, 255, 255, 0, 255, 1, 2, 3, 4, 5, 6, 7, 8];
  const expected = bytes.flatMap((value) => [value, value, value]);
  assert.deepEqual(await crop([4, 4], Float32Array.from(floats)), expected);
  assert.deepEqual(await crop([4, 4], Float64Array.from(floats)), expected);
  const integers = Int32Array.from([0, 255, 256, 300, -1, -255, 1 << 30, 511, 1, 2, 3, 4, 5, 6, 7, 8]);
  const wrapped = [0, 255, 0, 44, 255, 1, 0, 255, 1, 2, 3, 4, 5, 6, 7, 8];
  assert.deepEqual(
    await crop([4, 4], integers),
    wrapped.flatMap((value) => [value, value, value]),
  );
});

test('what is no picture is refused with its shape', async () => {
  const shapes = [[16], [1, 1, 16], [1, 1, 3], [2, 4, 2], [3, 2, 5], [2, 2, 2, 2], [], [1]];
  for (const shape of shapes) {
    const length = shape.reduce((product, side) => product * side, 1);
    await assert.rejects(
      crop(shape, new Uint8Array(length)),
      (error) =>
        error instanceof ClipError &&
        error.code === 'invalid_tensor' &&
        error.message.includes(`[${shape.join(', ')}]`),
    );
  }
  for (const shape of [
    [4, -4],
    [4, 0],
    [4, 3.5],
    [4, Number.NaN],
    [2 ** 30, 2 ** 30],
    [5, 4],
    [4, 4, 3],
  ])
    await assert.rejects(
      crop(shape, new Uint8Array(16)),
      (error) => error instanceof ClipError && error.code === 'invalid_tensor',
    );
});
