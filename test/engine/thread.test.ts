import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { onnxEngines } from '../../src/engine/onnx.ts';
import type { OnnxSettings } from '../../src/engine/onnx-open.ts';
import type { ThreadOptions } from '../../src/engine/onnx-thread.ts';
import { silentLog } from '../../src/observe/log.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { Scheduler } from '../../src/schedule/scheduler.ts';
import { WoundClock } from '../schedule/wound-clock.ts';
import { testContract } from './contract.ts';
import { Stage } from './fake.ts';

const FOREVER = new AbortController().signal;
const TEXT = { ids: Int32Array.from({ length: 77 }, (_, i) => (i === 0 ? 49406 : 49407)), length: 2 };
const WIDTH = 32;

async function engines(conduct?: 'throw' | 'exit' | 'hang', options: ThreadOptions = {}) {
  const { text } = await testContract('tiny');
  const contract = conduct ? { ...text, path: conduct } : text;
  const device = { kind: 'cpu', index: 0 } as const;
  const settings: OnnxSettings = { contract, device, deviceIsExplicit: false, threads: 1, probe: TEXT };
  const file = conduct && new URL('./rogue-worker.ts', import.meta.url);
  return onnxEngines(settings, { file, ...options });
}

const DEATHS = [
  ['throw', /the thread fell over/],
  ['exit', /ended with code 3/],
] as const;
for (const [conduct, words] of DEATHS)
  test(`a thread that dies by ${conduct} fails the runs that wait and those that come`, async () => {
    const made = await engines(conduct);
    const engine = await made.create(FOREVER);
    await engine.run([TEXT], FOREVER);
    const failed = { name: 'ClipError', code: 'engine_failed', message: words };
    const [second, third] = [engine.run([TEXT], FOREVER), engine.run([TEXT, TEXT], FOREVER)];
    await Promise.all([assert.rejects(second, failed), assert.rejects(third, failed)]);
    await assert.rejects(engine.run([TEXT], FOREVER), failed);
    await engine.close();
    assert.equal(made.computing(), 0);
  });

test('a replica whose thread dies gets another, which answers what the first left', async () => {
  const [rogue, sound] = [await engines('exit'), await engines()];
  const [metrics, clock, images] = [new Metrics(), new WoundClock(), new Stage()];
  images.description.width = WIDTH;
  const queue = [rogue, sound];
  const scheduler = new Scheduler({
    engines: {
      text: [{ members: [(signal) => queue.shift()!.create(signal)] }],
      image: [{ members: [images.create] }],
    },
    maxBatch: 4,
    columnsOf: ({ ids }) => ids.length,
    limits: { queueMs: 60_000, engineMs: 60_000 },
    startMs: 60_000,
    metrics,
    log: silentLog,
    clock,
  });
  await scheduler.start(FOREVER);
  const vector = scheduler.submit('text', TEXT, { signal: FOREVER });
  while (scheduler.serving.text > 0) await setTimeout(5);
  assert.equal(scheduler.serving.image, 1);
  await clock.wind(1000);
  const alone = await sound.create(FOREVER);
  assert.deepEqual(await vector, await alone.run([TEXT], FOREVER));
  await alone.close();
  assert.match(await metrics.text(), /clip_replica_restarts_total\{tower="text",cause="failed"\} 1/);
  await scheduler.close();
});

test('closing gives a thread that hangs up after its time, and says that it still computes', async () => {
  const made = await engines('hang', { closeMs: 20 });
  const engine = await made.create(FOREVER);
  await engine.run([TEXT], FOREVER);
  const hung = engine.run([TEXT], AbortSignal.timeout(1));
  await assert.rejects(hung, { code: 'cancelled' });
  await engine.close();
  assert.equal(made.computing(), 1);
  await assert.rejects(engine.run([TEXT], FOREVER), /closed/);
});
