import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { DEFAULT_LIMITS } from '../../../src/config/limits.ts';
import { ClipError } from '../../../src/errors.ts';
import { type Addon, loadAddon } from '../../../src/native/addon.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { DecodeGate } from '../../../src/preprocess/image/gate.ts';
import { ImagePreprocessor } from '../../../src/preprocess/image/preprocessor.ts';

const addon = loadAddon();
const never = new AbortController().signal;
const red = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
const isError =
  (code: string, message = /./) =>
  (error: unknown) =>
    error instanceof ClipError && error.code === code && message.test(error.message);

function setUp(limits: Partial<typeof DEFAULT_LIMITS> = {}, door: Addon = addon, workers = 2) {
  const metrics = new Metrics();
  const options = { resolution: 16, workers, limits: { ...DEFAULT_LIMITS, ...limits }, addon: door, metrics };
  return { images: new ImagePreprocessor(options), metrics };
}

async function value(metrics: Metrics, name: string, labels: Record<string, string> = {}): Promise<number> {
  const found = (await metrics.registry.getSingleMetric(name)!.get()).values;
  const one = found.find((entry) =>
    Object.entries(labels).every(([key, label]) => entry.labels[key] === label),
  );
  return one?.value ?? 0;
}

test('an image of as many bytes as allowed is taken, one byte more is refused and counted', async () => {
  const bytes = await red(20, 20);
  const { images: exact } = setUp({ imageBytes: bytes.length });
  assert.equal((await exact.fromBytes(bytes, never)).length, 16 * 16 * 3);
  const { images, metrics } = setUp({ imageBytes: bytes.length - 1 });
  await assert.rejects(
    images.fromBytes(bytes, never),
    isError('image_too_large', /up to \d+ bytes expected, got/),
  );
  assert.equal(await value(metrics, 'clip_limit_reached_total', { limit: 'image_bytes' }), 1);
});

test('an image of as many pixels as allowed is taken, one row more is refused and counted', async () => {
  const { images, metrics } = setUp({ imagePixels: 400 });
  await images.fromBytes(await red(20, 19), never);
  await images.fromBytes(await red(20, 20), never);
  await assert.rejects(
    images.fromBytes(await red(20, 21), never),
    isError('image_too_large', /400 pixels expected, got 20x21/),
  );
  const tensor = { shape: [21, 20], data: new Uint8Array(420) };
  await assert.rejects(images.fromTensor(tensor, never), isError('image_too_large'));
  assert.equal(await value(metrics, 'clip_limit_reached_total', { limit: 'image_pixels' }), 2);
});

test('an image too narrow for its resized side is refused and counted', async () => {
  const { images, metrics } = setUp();
  const row = (length: number) =>
    images.fromTensor({ shape: [length, 2], data: new Uint8Array(length * 2) }, never);
  await row(2 ** 22);
  await assert.rejects(row(2 ** 22 + 1), isError('image_too_large', /sides of up to 33554432 pixels/));
  assert.equal(await value(metrics, 'clip_limit_reached_total', { limit: 'resized_side' }), 1);
});

test('images enter in the order they came, within places and pixels, and one over the budget goes alone', async () => {
  const gate = new DecodeGate(3, 100);
  const order: string[] = [];
  const enter = async (name: string, pixels: number) => {
    const leave = await gate.enter(pixels, never);
    order.push(name);
    return leave;
  };
  const first = await enter('first', 60);
  const huge = enter('huge', 500);
  const small = enter('small', 1);
  const forty = enter('forty', 40);
  assert.equal(gate.isOverBudget(41), true);
  assert.deepEqual(order, ['first']);
  first();
  first();
  const leaveHuge = await huge;
  assert.equal(gate.pixelsInFlight, 500);
  assert.deepEqual(order, ['first', 'huge']);
  leaveHuge();
  const leaves = [await small, await forty];
  assert.equal(gate.pixelsInFlight, 41);
  for (const leave of leaves) leave();
  assert.equal(gate.pixelsInFlight, 0);
});

test('no more images are decoded at once than there are workers, and the pixels return to zero', async () => {
  let running = 0;
  let most = 0;
  const counting: Addon = {
    ...addon,
    async resizeCrop(job) {
      most = Math.max(most, ++running);
      return addon.resizeCrop(job).finally(() => running--);
    },
  };
  const { images, metrics } = setUp({}, counting, 2);
  const bytes = await red(64, 64);
  await Promise.all(Array.from({ length: 12 }, () => images.fromBytes(bytes, never)));
  assert.ok(most <= 2, `${most} at once`);
  assert.equal(await value(metrics, 'clip_pixels_in_flight'), 0);
});

test('pixels that wait for the budget are counted', async () => {
  const { images, metrics } = setUp({ pixelsInFlight: 64 * 64 });
  const bytes = await red(64, 64);
  await Promise.all([images.fromBytes(bytes, never), images.fromBytes(bytes, never)]);
  assert.equal(await value(metrics, 'clip_limit_reached_total', { limit: 'pixels_in_flight' }), 1);
});

test('an abort ends the wait for a place at once and lets the next in', async () => {
  const gate = new DecodeGate(2, 100);
  const leave = await gate.enter(60, never);
  const client = new AbortController();
  const gone = gate.enter(60, client.signal);
  const next = gate.enter(40, never);
  client.abort();
  await assert.rejects(gone, isError('cancelled'));
  (await next)();
  leave();
  await assert.rejects(gate.enter(1, client.signal), isError('cancelled'));
  assert.equal(gate.pixelsInFlight, 0);
});

test('an abort during the decode answers at once, but its place is taken until the work has ended', async () => {
  const { promise: blocked, resolve: unblock } = withResolvers<Uint8Array>();
  const { promise: begun, resolve: begin } = withResolvers<void>();
  let calls = 0;
  const slow: Addon = {
    ...addon,
    resizeCrop: (job) => {
      if (calls++ > 0) return addon.resizeCrop(job);
      begin();
      return blocked;
    },
  };
  const { images, metrics } = setUp({}, slow, 1);
  const bytes = await red(8, 8);
  const client = new AbortController();
  const first = images.fromBytes(bytes, client.signal);
  const second = images.fromBytes(bytes, never);
  await begun;
  client.abort(new ClipError('deadline_exceeded', 'too late'));
  await assert.rejects(first, isError('deadline_exceeded', /too late/));
  assert.equal(await value(metrics, 'clip_pixels_in_flight'), 64);
  unblock(new Uint8Array(768));
  assert.equal((await second).length, 768);
  assert.equal(await value(metrics, 'clip_pixels_in_flight'), 0);
});

test('after close, who waits and who comes is refused, and who is in is finished', async () => {
  const { images } = setUp({}, addon, 1);
  const bytes = await red(300, 300);
  const running = images.fromBytes(bytes, never);
  const waiting = images.fromBytes(bytes, never);
  images.close();
  images.close();
  await assert.rejects(waiting, isError('draining'));
  await assert.rejects(images.fromBytes(bytes, never), isError('draining'));
  assert.equal((await running).length, 768);
});

test('a fault of the addon is an internal error and gives the place back', async () => {
  const broken: Addon = { ...addon, resizeCrop: () => Promise.reject(new Error('out of memory')) };
  const { images, metrics } = setUp({}, broken, 1);
  await assert.rejects(images.fromBytes(await red(8, 8), never), isError('internal', /out of memory/));
  await assert.rejects(images.fromBytes(await red(8, 8), never), /out of memory/);
  assert.equal(await value(metrics, 'clip_pixels_in_flight'), 0);
});

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
