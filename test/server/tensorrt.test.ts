import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fakeFolder, GpuServer, noFakes } from './gpu-server.ts';

const skip = await noFakes();
/** Shared, so that the engines are built once. */
let engines: string;
before(async () => {
  engines = await mkdtemp(join(tmpdir(), 'clip-engines-'));
});
after(() => rm(engines, { recursive: true }));

/** What the model gives for a text: all vectors of it are this first component plus the place. */
function isSum(vector: readonly number[]): boolean {
  return vector.length === 32 && vector.every((x, j) => x === vector[0]! + j);
}

test('fake TensorRT serves: right vectors, two replicas that share their plans, a restart after a crash, SIGTERM', {
  skip,
}, async (t) => {
  const folder = await fakeFolder(t);
  const log = join(folder, 'log');
  const server = await GpuServer.start(t, { folder, engines, knobs: { log }, replicas: 2 });
  await server.ready();
  const { url } = server;
  const [hello, world] = [await server.vector('hello'), await server.vector('world')];
  assert.ok(isSum(hello) && isSum(world) && hello[0] !== world[0], String([hello, world]));
  const status = await server.status();
  assert.deepEqual(
    [status.runtime, status.device, status.precision, status.recipe, status['not-tensorrt']],
    ['tensorrt', 'cuda:0', 'fp32', 'original', undefined],
  );
  assert.match(
    await server.metrics(),
    /clip_engine_info\{model="[^"]+",tower="image",runtime="tensorrt",device="cuda:0",precision="fp32",reason=""\} 1/,
  );
  const made = readFileSync(log, 'utf8').split('\n');
  const opened = made.filter((line) => line === `${status.uid} create engine`);
  assert.equal(opened.length, 2, 'one of each tower');
  process.kill(Number(status.uid), 'SIGABRT');
  await server.ready(2);
  assert.equal(server.url, url, 'on the same port');
  assert.deepEqual(await server.vector('hello'), hello);
  assert.notEqual((await server.status()).uid, status.uid);
  assert.match(await server.metrics(), /clip_process_restarts_total\{cause="crashed"\} 1/);
  assert.match(await server.line('another starts'), /was ended by SIGABRT; another starts in 1 s/);
  assert.equal(await server.stop(), 0);
  await assert.rejects(fetch(url), 'nobody listens any more');
  const notices = server.lines.filter((line) => line.includes('ONNX Runtime'));
  assert.deepEqual(notices, []);
});

test('a fake GPU that is lost under load: every request is answered, and the server serves again', {
  skip,
}, async (t) => {
  const folder = await fakeFolder(t);
  const server = await GpuServer.start(t, { folder, engines, knobs: { sticky: 400 } });
  await server.ready();
  const expected = await server.vector('a');
  const statuses = new Set<number>();
  const reasons = new Set<string>();
  let isOver = false;
  const client = async () => {
    while (!isOver) {
      const answer = await server.post([{ text: 'a' }]).catch(() => undefined);
      if (!answer) {
        // In between nobody listens.
        await server.ready(2);
        continue;
      }
      statuses.add(answer.status);
      if (answer.status === 200) assert.deepEqual(answer.body.data[0].embedding, expected);
      else reasons.add(JSON.stringify(answer.body));
    }
  };
  const clients = Array.from({ length: 8 }, client);
  await server.ready(2);
  isOver = true;
  await Promise.all(clients);
  assert.deepEqual([...statuses].sort(), [200, 503]);
  const known = /the GPU is lost|shutting down|shut down|still being loaded/;
  assert.ok(
    [...reasons].some((body) => body.includes('the GPU is lost')),
    'those in flight are told',
  );
  assert.deepEqual(
    [...reasons].filter((body) => !known.test(body)),
    [],
  );
  assert.deepEqual(await server.vector('a'), expected);
  assert.match(await server.metrics(), /clip_process_restarts_total\{cause="sticky"\} 1/);
  assert.match(await server.line('another starts'), /lost its GPU: TensorRT: .*700/);
  assert.match(await server.line('the GPU is lost to this process'), /700/);
  assert.equal(await server.stop(), 0);
});

test('a fake GPU that hangs is lost, and not waited for', { skip }, async (t) => {
  const folder = await fakeFolder(t);
  const server = await GpuServer.start(t, {
    folder,
    engines,
    knobs: { hang: 400 },
    limits: { engine_ms: 2000 },
  });
  await server.ready();
  let answer: Awaited<ReturnType<GpuServer['post']>>;
  do answer = await server.post([{ text: 'a' }]);
  while (answer.status === 200);
  assert.equal(answer.status, 503);
  await server.ready(2);
  assert.match(await server.metrics(), /clip_process_restarts_total\{cause="hung"\} 1/);
  assert.equal(await server.stop(), 0);
});

test('a fake GPU that begins to give other vectors is found out while nobody asks', { skip }, async (t) => {
  const folder = await fakeFolder(t);
  const server = await GpuServer.start(t, {
    folder,
    engines,
    knobs: { offset: 1e6, offsetAfter: 400 },
    encoder: { canary_interval: 1 },
  });
  await server.ready();
  for (let i = 0; i < 400; i++) await server.post([{ text: 'a' }]).catch(() => {});
  await server.ready(2);
  assert.match(await server.line('another starts'), /"cause":"canary"/);
  assert.match(
    await server.line('the GPU is lost to this process'),
    /another vector than when its plan was proved/,
  );
  // As a service manager does that ends all processes of a service at once.
  process.kill(Number((await server.status()).uid), 'SIGTERM');
  assert.equal(await server.stop(), 0);
});

test('where no fake plan is to be had ONNX Runtime serves the whole model, and says why', {
  skip,
}, async (t) => {
  const folder = await fakeFolder(t);
  const none = join(folder, 'engines');
  const server = await GpuServer.start(t, { folder, engines: none, knobs: { parseFail: 1 } });
  await server.ready();
  assert.ok(isSum(await server.vector('a')));
  const status = await server.status();
  assert.equal(status.runtime, 'onnxruntime');
  assert.match(status['not-tensorrt']!, /no plan serves: original: /);
  assert.match(
    await server.metrics(),
    /runtime="onnxruntime",device="cpu",precision="fp32",reason="plan"\} 1/,
  );
  assert.equal(server.lines.filter((line) => line.includes('a TensorRT flow')).length, 1, 'one notice');
  assert.equal(await server.stop(), 0);
  const strict = await GpuServer.start(t, {
    folder,
    engines: none,
    knobs: { parseFail: 1 },
    encoder: { fallback: false },
  });
  assert.deepEqual(await strict.ended, [2, null]);
  assert.match(strict.lines.at(-1)!, /^clip-server: stdin: fallback: false .*no plan serves: /);
});

test('where TensorRT is not found ONNX Runtime serves, with one notice of what is missing', async (t) => {
  const server = await GpuServer.start(t, { engines });
  await server.ready();
  const status = await server.status();
  if (status.runtime === 'tensorrt') return t.skip('this host has TensorRT');
  assert.match(status['not-tensorrt']!, /^no driver|^the driver|^no GPU|libnvinfer/);
  assert.match(await server.metrics(), /reason="host"\} 1/);
  assert.equal(server.lines.filter((line) => line.includes('a TensorRT flow')).length, 1);
  assert.equal(await server.stop(), 0);
});
