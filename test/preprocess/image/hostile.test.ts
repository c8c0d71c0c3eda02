import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../src/config/limits.ts';
import { ClipError } from '../../../src/errors.ts';
import { loadAddon } from '../../../src/native/addon.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { ImagePreprocessor } from '../../../src/preprocess/image/preprocessor.ts';
import { FILES, file, HOSTILE, wide } from './hostile-images.ts';

const SIDE = 32;
const images = new ImagePreprocessor({
  resolution: SIDE,
  workers: 2,
  limits: DEFAULT_LIMITS,
  addon: loadAddon(),
  metrics: new Metrics(),
});
const base = process.memoryUsage().rss;

/** `crop`, or the code of the refusal; anything else fails the test. */
async function outcome(bytes: Uint8Array): Promise<string> {
  try {
    const crop = await images.fromBytes(bytes, new AbortController().signal);
    assert.equal(crop.length, SIDE * SIDE * 3);
    return 'crop';
  } catch (error) {
    assert.ok(error instanceof ClipError, `${error}`);
    return error.code;
  } finally {
    assert.ok(process.memoryUsage().rss - base < 256 * 2 ** 20, 'more than 256 MiB');
  }
}

async function cropOf(bytes: Uint8Array): Promise<Uint8Array> {
  return images.fromBytes(bytes, new AbortController().signal);
}

for (const [name, expected, make] of HOSTILE)
  test(`${name}: ${expected}`, async () => {
    assert.equal(await outcome(await make()), expected);
  });

test('a wide picture of one colour keeps it', async () => {
  const crop = await cropOf(await wide().png().toBuffer());
  assert.deepEqual(new Set(crop), new Set([10, 200, 90]));
});

test('every format cut short anywhere is refused, or loses nothing that counts', async () => {
  for (const name of [
    'jpeg-420.jpg',
    'jpeg-progressive.jpg',
    'png-rgb.png',
    'webp-lossy.webp',
    'gif-p.gif',
    'tiff-rgb-tiff_lzw.tif',
    'bmp-24.bmp',
    'bmp-rle4.bmp',
  ]) {
    const whole = file(name);
    const expected = await cropOf(whole);
    for (const share of [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99]) {
      const cut = whole.subarray(0, Math.floor(whole.length * share));
      const result = await outcome(cut);
      if (result === 'crop') assert.deepEqual(await cropOf(cut), expected, `${name} cut at ${share}`);
      else assert.match(result, /invalid_image|unsupported_image/);
    }
  }
});

test('files with changed bytes end in a crop or a typed refusal', async () => {
  let seed = 99;
  const next = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  for (const name of readdirSync(FILES)) {
    const mutated = Buffer.from(file(name));
    for (let i = 0; i < 4; i++)
      mutated[next(Math.min(mutated.length, i < 2 ? 60 : mutated.length))] = next(256);
    assert.match(await outcome(mutated), /^(crop|invalid_image|unsupported_image|image_too_large)$/, name);
  }
});
