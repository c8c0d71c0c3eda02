import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import sharp from 'sharp';
import { ClipError } from '../../src/errors.ts';
import { silentLog } from '../../src/observe/log.ts';
import { Gallery } from '../../src/playground/gallery.ts';
import { readPictures } from '../../src/playground/gallery-file.ts';
import { VectorTable } from '../../src/playground/vector-table.ts';
import { FakeService, vectorOf } from '../protocol/fake-service.ts';

const PICTURES = 40;

function scene() {
  const service = new FakeService();
  const files = Array.from({ length: PICTURES }, (_, i) => Buffer.from(`picture ${i * i}`));
  const pictures = { names: files.map(String), files, digest: 'd' };
  let now = 0;
  const gallery = new Gallery({ pictures, service, log: silentLog, now: () => now });
  return {
    service,
    files,
    gallery,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

/** Looks, and gives the work time, more often than it needs. */
async function settle(gallery: Gallery): Promise<ReturnType<Gallery['look']>> {
  for (let round = 0; round < 2 * PICTURES; round++) {
    if (round % 10 === 0) gallery.look();
    await nextTurn();
  }
  return gallery.look();
}

test('nothing is embedded before somebody looks, then every picture once, in batches', async () => {
  const { gallery, service, files } = scene();
  await nextTurn();
  assert.equal(service.seen.length, 0);
  assert.deepEqual(gallery.nearest([1, 0, 0, 0], 3), []);
  const state = await settle(gallery);
  assert.deepEqual([state.embedded, state.pictures, state.digest], [PICTURES, PICTURES, 'd']);
  assert.deepEqual(
    service.seen.map((item) => item.kind === 'image' && item.bytes),
    files,
  );
  assert.equal(service.admitted, Math.ceil(PICTURES / 16));
  assert.equal(service.open, 0, 'every permit is given back');
});

test('the nearest are those of the greatest cosine, best first', async () => {
  const { gallery, files } = scene();
  await settle(gallery);
  const query = [0.3, -0.1, 2, 0.5];
  const cosine = (vector: Float32Array) => {
    const product = vector.reduce((sum, value, i) => sum + value * query[i]!, 0);
    return product / Math.hypot(...vector) / Math.hypot(...query);
  };
  const expected = files
    .map((bytes, index) => ({ index, cosine: cosine(vectorOf({ kind: 'image', bytes })) }))
    .sort((a, b) => b.cosine - a.cosine)
    .slice(0, 5);
  const found = gallery.nearest(query, 5);
  assert.deepEqual(
    found.map(({ index }) => index),
    expected.map(({ index }) => index),
  );
  for (const [i, match] of found.entries())
    assert.ok(Math.abs(match.cosine - expected[i]!.cosine) < 1e-6, `cosine ${i}`);
  assert.throws(() => gallery.nearest([1, 2], 5), { code: 'invalid_request' });
  assert.throws(() => gallery.nearest([0, 0, 0, 0], 5), { code: 'invalid_request' });
});

test('the work stops where nobody looks any more, and goes on where somebody does', async () => {
  const { gallery, service, pass } = scene();
  service.work = async () => pass(20_000);
  gallery.look();
  for (let turn = 0; turn < 200; turn++) await nextTurn();
  assert.equal(service.seen.length, 16, 'one batch');
  assert.equal((await settle(gallery)).embedded, PICTURES);
});

test('a fault is told, and tried again after a pause; a model that is still loading is none', async () => {
  const { gallery, service, pass } = scene();
  service.refusal = new ClipError('not_ready', 'soon');
  assert.equal((await settle(gallery)).fault, undefined);
  service.refusal = new ClipError('overloaded', 'too many');
  assert.deepEqual((await settle(gallery)).fault, { code: 'overloaded', message: 'too many' });
  service.refusal = undefined;
  assert.equal((await settle(gallery)).embedded, 0);
  pass(5_000);
  const state = await settle(gallery);
  assert.deepEqual([state.embedded, state.fault], [PICTURES, undefined]);
});

test('a picture without a vector is a fault, and those before it are kept', async () => {
  const table = new VectorTable(2, 3);
  table.add(Float32Array.of(3, 4));
  assert.throws(() => table.add(Float32Array.of(0, 0)), { code: 'bad_vector' });
  assert.throws(() => table.add(Float32Array.of(1, 2, 3)), { code: 'bad_vector' });
  assert.equal(table.count, 1);
  assert.ok(Math.abs(table.nearest([3, 4], 1)[0]!.cosine - 1) < 1e-6, 'its own direction');
});

test('closing ends the work that runs, and no more begins', async () => {
  const { gallery, service } = scene();
  service.work = ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  gallery.look();
  await nextTurn();
  await gallery.close();
  assert.equal(service.open, 0);
  gallery.look();
  await gallery.close();
  assert.equal(service.admitted, 1);
});

test('the pictures that are shipped are pictures, each with a name of its own, and few bytes', async () => {
  const { names, files } = await readPictures();
  assert.ok(names.length >= 1000, `${names.length} pictures`);
  assert.equal(files.length, names.length);
  assert.equal(new Set(names).size, names.length);
  const bytes = files.reduce((sum, file) => sum + file.length, 0);
  assert.ok(bytes < 3e6, `${bytes} bytes`);
  for (const file of [files[0]!, files.at(-1)!]) {
    const { format, width, height, hasAlpha } = await sharp(file).metadata();
    assert.deepEqual([format, width, height, hasAlpha], ['webp', 128, 128, false]);
  }
});

test('an index that does not fit its pictures is not served', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clip-gallery-'));
  try {
    await writeFile(join(folder, 'index.tsv'), '3\tone\n4\ttwo\n');
    await writeFile(join(folder, 'pictures.bin'), '12345678');
    await assert.rejects(readPictures(folder), /names 7 bytes of pictures, pictures.bin has 8/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
