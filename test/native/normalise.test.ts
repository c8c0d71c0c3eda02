import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadAddon } from '../../src/native/addon.ts';

const addon = loadAddon();

test('every byte value of every channel becomes the float that NumPy gives, bit for bit, at its place', () => {
  const file = readFileSync(join(import.meta.dirname, '../preprocess/image/goldens/normalised.bin'));
  const pixels = new Uint8Array(768).map((_, i) => Math.floor(i / 3));
  const out = new Float32Array(5 + 768 + 2);
  addon.normalise(pixels, out, 5);
  assert.deepEqual(Buffer.from(out.buffer, 20, 3072), file);
  assert.deepEqual([...out.subarray(0, 5), ...out.subarray(773)], Array(7).fill(0));
});

test('nothing is written where the floats have no room', () => {
  const pixels = new Uint8Array(12);
  for (const [length, offset] of [
    [11, 0],
    [12, 1],
    [12, -1],
    [12, 0.5],
    [12, Number.NaN],
    [12, 2 ** 60],
  ] as const)
    assert.throws(
      () => addon.normalise(pixels, new Float32Array(length), offset),
      /out: room for 12 floats expected/,
    );
  assert.throws(() => addon.normalise(new Uint8Array(4), new Float32Array(9), 0), /a multiple of 3 bytes/);
  assert.throws(() => addon.normalise([1] as unknown as Uint8Array, new Float32Array(3), 0), TypeError);
});
