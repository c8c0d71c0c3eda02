import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../src/config/limits.ts';
import { ClipError } from '../../../src/errors.ts';
import { type Addon, loadAddon } from '../../../src/native/addon.ts';
import type { JpegJob } from '../../../src/native/jpeg.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { readHeader } from '../../../src/preprocess/image/header.ts';
import { ImagePreprocessor } from '../../../src/preprocess/image/preprocessor.ts';
import { file } from './hostile-images.ts';

interface Golden {
  readonly file: string;
  readonly resolution: number;
  readonly sha256: string;
}

const addon = loadAddon();
const withoutLibrary: Addon = { ...addon, jpeg: { by: 'sharp', because: 'of this test' } };
const goldens = (
  JSON.parse(readFileSync(join(import.meta.dirname, 'goldens/goldens.json'), 'utf8')) as Golden[]
).filter(({ file }) => file.startsWith('jpeg-'));
const never = new AbortController().signal;
const sha256 = (crop: Uint8Array | undefined) => crop && createHash('sha256').update(crop).digest('hex');
const crop = (bytes: Uint8Array, door: Addon, resolution = 32, signal = never) =>
  new ImagePreprocessor({
    resolution,
    workers: 1,
    limits: DEFAULT_LIMITS,
    addon: door,
    metrics: new Metrics(),
  }).fromBytes(bytes, signal);

/** What libjpeg-turbo says, without sharp behind it. */
async function fast(bytes: Uint8Array, job: Partial<JpegJob> = {}): Promise<Uint8Array | undefined> {
  assert.equal(addon.jpeg.by, 'libjpeg-turbo');
  const { width, height, mode } = readHeader(bytes);
  const plain = mode === 'L' ? mode : 'RGB';
  return addon.jpeg.decodeResizeCrop({ data: bytes, width, height, mode: plain, resolution: 32, ...job });
}

for (const golden of goldens)
  test(`${golden.file} at ${golden.resolution} gives Pillow's bytes by either decoder`, async () => {
    const bytes = file(golden.file);
    const { mode } = readHeader(bytes);
    if (mode !== 'CMYK')
      assert.equal(sha256(await fast(bytes, { resolution: golden.resolution })), golden.sha256);
    assert.equal(sha256(await crop(bytes, withoutLibrary, golden.resolution)), golden.sha256);
  });

test('a plain JPEG is decoded by libjpeg-turbo in one job', async () => {
  const door: Addon = { ...addon, resizeCrop: () => Promise.reject(new Error('a second job')) };
  assert.deepEqual(await crop(file('jpeg-420.jpg'), door), await crop(file('jpeg-420.jpg'), withoutLibrary));
  await assert.rejects(crop(file('jpeg-cmyk.jpg'), door), /a second job/);
});

test('what is not as its header says is left to sharp', async () => {
  const bytes = file('jpeg-420.jpg');
  const { width } = readHeader(bytes);
  assert.ok(await fast(bytes));
  assert.equal(await fast(bytes, { width: width - 1 }), undefined);
  assert.equal(await fast(bytes, { height: 1 }), undefined);
  assert.equal(await fast(bytes, { mode: 'L' }), undefined);
  assert.equal(await fast(file('jpeg-grey.jpg'), { mode: 'RGB' }), undefined);
  assert.equal(await fast(file('jpeg-cmyk.jpg')), undefined);
});

test('a file that ends early is refused by the library wherever it ends, and then by sharp', async () => {
  for (const name of ['jpeg-420.jpg', 'jpeg-progressive.jpg', 'jpeg-restart.jpg', 'jpeg-grey.jpg']) {
    const whole = file(name);
    for (const share of [0.5, 0.7, 0.9, 0.99])
      assert.equal(await fast(whole.subarray(0, Math.floor(whole.length * share))), undefined, name);
    await assert.rejects(
      crop(whole.subarray(0, whole.length / 2), addon),
      (error) => error instanceof ClipError && error.code === 'invalid_image',
    );
  }
});

/** Grey pictures of 8 × 8 that libjpeg-turbo made. */
const UNCOMMON = {
  'arithmetic coding':
    '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBk' +
    'eFxlZ2P/yQALCAAIAAgBAREA/8wABgAQEAX/2gAIAQEAAD8A/q65Hl0KuMf/2Q==',
  'a lossless file':
    '/9j/4AAQSkZJRgABAQAAAQABAAD/wwALCAAIAAgBAREA/8QAFgABAQEAAAAAAAAAAAAAAAAAAgUI/9oACAEBAAEAAM/tttuw2227DbbbsNttuw22' +
    '27DbbbsNttuw222//9k=',
};

for (const [name, base64] of Object.entries(UNCOMMON))
  test(`${name} is left to sharp`, async () => {
    assert.equal(await fast(Buffer.from(base64, 'base64')), undefined);
  });

test('100 scans are decoded by the library, 101 by sharp, to the same bytes', async () => {
  const [most, over] = [scans(100), scans(101)];
  assert.ok(await fast(most));
  assert.equal(await fast(over), undefined);
  assert.deepEqual(await crop(most, addon), await crop(over, addon));
});

test('after an abort in the library, sharp does not begin', async () => {
  const client = new AbortController();
  let begun = false;
  const door: Addon = {
    ...addon,
    jpeg: {
      by: 'libjpeg-turbo',
      decodeResizeCrop: async () => {
        client.abort();
        return undefined;
      },
    },
    resizeCrop: (job) => {
      begun = true;
      return addon.resizeCrop(job);
    },
  };
  await assert.rejects(
    crop(file('jpeg-420.jpg'), door, 32, client.signal),
    (error) => error instanceof ClipError && error.code === 'cancelled',
  );
  assert.equal(begun, false);
});

test('a fault of the library is an internal error', async () => {
  const door: Addon = {
    ...addon,
    jpeg: { by: 'libjpeg-turbo', decodeResizeCrop: () => Promise.reject(new Error('out of memory')) },
  };
  await assert.rejects(
    crop(file('jpeg-420.jpg'), door),
    (error) => error instanceof ClipError && error.code === 'internal',
  );
});

/** A grey progressive picture of 64 × 64, one bit a block in the first scan, a few bits for all blocks in each other. */
function scans(count: number): Buffer {
  const segment = (marker: number, ...body: number[]) => [0xff, marker, 0, body.length + 2, ...body];
  const only = (code: number[]) => [...code, ...Array<number>(16 - code.length).fill(0)];
  const file = [
    ...[0xff, 0xd8, ...segment(0xdb, 0, ...Array<number>(64).fill(1))],
    ...segment(0xc2, 8, 0, 64, 0, 64, 1, 1, 0x11, 0),
    ...segment(0xc4, 0x00, ...only([1]), 0),
    // The one code says that 64 blocks from here on are empty; six bits after it add none.
    ...segment(0xc4, 0x10, ...only([1]), 0x60),
    ...segment(0xda, 1, 1, 0, 0, 0, 0x00),
    ...Array<number>(8).fill(0),
  ];
  for (let made = 1; made < count; made++) {
    const [coefficient, round] = [1 + Math.floor((made - 1) / 14), (made - 1) % 14];
    const bits = round === 0 ? 13 : ((14 - round) << 4) | (13 - round);
    file.push(...segment(0xda, 1, 1, 0, coefficient, coefficient, bits), 0x01);
  }
  return Buffer.from([...file, 0xff, 0xd9]);
}
