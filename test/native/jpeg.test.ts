import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve, sep } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { loadAddon } from '../../src/native/addon.ts';
import { type DecodeResizeCrop, openJpegDecoder } from '../../src/native/jpeg.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const BUILT = join(ROOT, 'build/Release/clip-server.node');
const { openTurboJpeg } = createRequire(import.meta.url)(BUILT) as {
  openTurboJpeg(path: string): DecodeResizeCrop;
};

const PACKAGE = join(ROOT, 'node_modules/@julusian/jpeg-turbo');
const LIBRARY = join(PACKAGE, `prebuilds/jpeg-turbo-${process.platform}-${process.arch}/libturbojpeg.so.0`);

test('where the package carries a library for this machine, it decodes', () => {
  assert.equal(loadAddon().jpeg.by, existsSync(LIBRARY) ? 'libjpeg-turbo' : 'sharp');
});

test('where no library loads, sharp decodes, and the reasons are told', () => {
  const tried: string[] = [];
  const decoder = openJpegDecoder((path) => {
    tried.push(path);
    throw new Error(`reason ${tried.length}`);
  });
  assert.deepEqual(decoder, { by: 'sharp', because: 'reason 1; reason 2' });
  assert.deepEqual(
    tried.map((path) => path.split(sep).slice(-2).join('/')),
    ['', '-musl'].map((libc) => `jpeg-turbo-${process.platform}-${process.arch}${libc}/libturbojpeg.so.0`),
  );
});

test('a library that is missing or is another one is refused with the reason', () => {
  assert.throws(() => openTurboJpeg(join(ROOT, 'no-such-file.so')), /no-such-file\.so/);
  assert.throws(() => openTurboJpeg(BUILT), /no function tj3Init in it/);
  assert.throws(() => openTurboJpeg(1 as unknown as string), TypeError);
});

test('a job that cannot be is refused before it begins', () => {
  const { jpeg } = loadAddon();
  assert.equal(jpeg.by, 'libjpeg-turbo');
  const job = { data: new Uint8Array(9), width: 8, height: 8, mode: 'RGB', resolution: 8 } as const;
  for (const [wrong, message] of [
    [{ mode: 'CMYK' as 'L' }, /mode: one of L, RGB expected, got CMYK/],
    [{ width: 0 }, /width: 1 to \d+ expected, got 0/],
    [{ height: 1.5 }, /height: an integer expected, got 1.5/],
    [{ resolution: 2049 }, /resolution: 1 to 2048 expected, got 2049/],
  ] as const)
    assert.throws(() => jpeg.decodeResizeCrop({ ...job, ...wrong }), message);
});

test('several threads decode at once to the same bytes, and a thread may end in the middle of a job', async () => {
  const data = readFileSync(join(ROOT, 'test/preprocess/image/goldens/files/jpeg-420.jpg'));
  const job = { data, width: 150, height: 110, mode: 'RGB', resolution: 64 } as const;
  const expected = await openTurboJpeg(LIBRARY)(job);
  assert.ok(expected);
  const script = `
    const { parentPort, workerData: { built, library, job } } = require('node:worker_threads');
    const decode = require(built).openTurboJpeg(library);
    Promise.all(Array.from({ length: 20 }, () => decode(job))).then((crops) => {
      for (let i = 0; i < 50; i++) decode(job);
      parentPort.postMessage(crops);
    });`;
  const decodeInThread = async () => {
    const worker = new Worker(script, { eval: true, workerData: { built: BUILT, library: LIBRARY, job } });
    const [crops] = (await once(worker, 'message')) as [Uint8Array[]];
    await worker.terminate();
    for (const crop of crops) assert.deepEqual(crop, expected);
  };
  await Promise.all([decodeInThread(), decodeInThread(), decodeInThread()]);
});
