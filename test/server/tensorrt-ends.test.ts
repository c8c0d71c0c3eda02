import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { alive, readFakeLog } from '../fakes/log.ts';
import { fakeFolder, GpuServer, noFakes } from './gpu-server.ts';

const skip = await noFakes();
/** Shared, so that the engines are built once, by the first test. */
let engines: string;
before(async () => {
  engines = await mkdtemp(join(tmpdir(), 'clip-engines-'));
});
after(() => rm(engines, { recursive: true }));

test('a fake GPU that falls off its bus: the server that follows serves by ONNX Runtime, and says why', {
  skip,
}, async (t) => {
  const folder = await fakeFolder(t);
  const knobs = { sticky: 400, stickyCode: 999, gone: join(folder, 'gone') };
  const server = await GpuServer.start(t, { folder, engines, knobs });
  await server.ready();
  const expected = await server.vector('a');
  let status = 200;
  while (status === 200) status = (await server.post([{ text: 'a' }])).status;
  assert.equal(status, 503);
  await server.ready(2);
  assert.deepEqual(await server.vector('a'), expected);
  const now = await server.status();
  assert.equal(now.runtime, 'onnxruntime');
  assert.match(now['not-tensorrt']!, /cuInit: CUDA error 100, CUDA_ERROR_NO_DEVICE/);
  assert.match(await server.line('another starts'), /lost its GPU: TensorRT: .*CUDA error 999/);
  assert.match(await server.line('the GPU is lost to this process'), /dmesg \| grep Xid/);
  assert.equal(await server.stop(), 0);
});

test('SIGTERM in the midst of runs on the fake GPU: all are answered, then contexts, engines and runtime end in this order', {
  skip,
}, async (t) => {
  const folder = await fakeFolder(t);
  const log = join(folder, 'log');
  const server = await GpuServer.start(t, {
    folder,
    engines,
    knobs: { log, enqueueUs: 20_000 },
    // As many runs as texts.
    encoder: { minibatch_size: 1, canary_interval: 0 },
  });
  await server.ready();
  const pid = Number((await server.status()).uid);
  const begun = (await readFakeLog(log)).length;
  const texts = Array.from({ length: 60 }, (_, i) => ({ text: `text ${i}` }));
  const answer = server.post(texts);
  while ((await readFakeLog(log)).length === begun) await wait(5);
  const stopped = server.stop();
  const { status, body } = await answer;
  assert.equal(status, 200, JSON.stringify(body));
  assert.ok(
    body.data.every(({ embedding }: { embedding?: number[] }) => embedding?.length === 32),
    'a vector for each',
  );
  assert.equal(await stopped, 0);
  const events = (await readFakeLog(log)).filter((event) => event.pid === pid);
  assert.deepEqual(alive(events), {}, 'everything was given back');
  const ended = events.map(({ text }) => /^destroy (context|engine|runtime)/.exec(text)?.[1]).filter(Boolean);
  const contexts = ended.lastIndexOf('context') + 1;
  // The towers' engines end side by side, after all contexts, and each before its runtime.
  assert.match(ended.slice(contexts).join(' '), /^engine (runtime engine|engine runtime) runtime$/);
});
