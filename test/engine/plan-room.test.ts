import assert from 'node:assert/strict';
import { readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { planName } from '../../src/engine/tensorrt/plan-key.ts';
import type { PlanStore } from '../../src/engine/tensorrt/plan-store.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { built, counting, engineFolder, KEY, keptLog, openStore, planBytes, quiet } from './plan-scene.ts';

const key = (index: number) => ({ ...KEY, multiprocessors: index });
const recordOf = (folder: string, index: number) => join(folder, `${planName(key(index))}.json`);

/** Plans 0 … 2 in a folder, and the bytes that they take together. */
async function threePlans(t: TestContext): Promise<{ folder: string; bytes: number }> {
  const folder = await engineFolder(t);
  const store = await openStore(t, { folder });
  for (const index of [0, 1, 2]) await store.obtain(key(index), counting().build, quiet);
  store.close();
  const sizes = await Promise.all(
    (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size),
  );
  return { folder, bytes: sizes.reduce((total, size) => total + size, 0) };
}

/** As if the plans had been used for the last time so many seconds after 1970. */
async function lastUsed(folder: string, seconds: Record<number, number>): Promise<void> {
  for (const [index, time] of Object.entries(seconds))
    await utimes(recordOf(folder, Number(index)), time, time);
}

async function held(store: PlanStore): Promise<number[]> {
  const found = await Promise.all([0, 1, 2, 3].map((index) => store.find(key(index), quiet.signal)));
  return found.flatMap((outcome, index) => ('plan' in outcome ? [index] : []));
}

async function limited(metrics: Metrics): Promise<string | undefined> {
  return /clip_limit_reached_total\{limit="engines_max_bytes"\} \d+/.exec(await metrics.text())?.[0];
}

test('as many bytes as the limit are kept, and nothing goes', async (t) => {
  const { folder, bytes } = await threePlans(t);
  await lastUsed(folder, { 0: 1, 1: 2, 2: 3 });
  const metrics = new Metrics();
  const store = await openStore(t, { folder, maxBytes: (bytes / 3) * 4 }, { metrics });
  await store.obtain(key(3), counting().build, quiet);
  assert.equal(await limited(metrics), undefined);
  assert.deepEqual(await held(store), [0, 1, 2, 3]);
});

test('one byte less: the plan that was not used for longest goes, and the metric says so', async (t) => {
  const { folder, bytes } = await threePlans(t);
  await lastUsed(folder, { 0: 2, 1: 1, 2: 3 });
  const metrics = new Metrics();
  const store = await openStore(t, { folder, maxBytes: (bytes / 3) * 4 - 1 }, { metrics });
  await store.obtain(key(3), counting().build, quiet);
  assert.equal(await limited(metrics), 'clip_limit_reached_total{limit="engines_max_bytes"} 1');
  assert.deepEqual(await held(store), [0, 2, 3]);
});

test('being given out counts as a use', async (t) => {
  const { folder, bytes } = await threePlans(t);
  await lastUsed(folder, { 0: 1, 1: 2, 2: 3 });
  const store = await openStore(t, { folder, maxBytes: bytes });
  await store.find(key(0), quiet.signal);
  await store.obtain(key(3), counting().build, quiet);
  assert.deepEqual(await held(store), [0, 2, 3]);
});

test('what running processes use stays: the new plan is given out and not kept', async (t) => {
  const { folder, bytes } = await threePlans(t);
  const { log, lines } = keptLog();
  const metrics = new Metrics();
  const store = await openStore(t, { folder, maxBytes: bytes }, { log, metrics });
  assert.ok('plan' in (await store.obtain(key(3), counting().build, quiet)), 'no plan');
  assert.match(
    lines.find((line) => line.startsWith('warn:')) ?? '',
    /does not fit into files\.engines_max_bytes/,
  );
  assert.equal(await limited(metrics), 'clip_limit_reached_total{limit="engines_max_bytes"} 1');
  assert.deepEqual(await held(store), [0, 1, 2]);
});

test('a plan that is larger than the limit drives nothing out', async (t) => {
  const { folder, bytes } = await threePlans(t);
  await lastUsed(folder, { 0: 1, 1: 2, 2: 3 });
  const store = await openStore(t, { folder, maxBytes: bytes });
  const large = counting(() => built(planBytes(bytes)));
  assert.ok('plan' in (await store.obtain(key(3), large.build, quiet)), 'no plan');
  assert.deepEqual(await held(store), [0, 1, 2]);
});

test('what was rejected goes before any plan', async (t) => {
  const { folder, bytes } = await threePlans(t);
  await lastUsed(folder, { 0: 1, 1: 2 });
  const writer = await openStore(t, { folder });
  await writeFile(join(folder, `${planName(key(2))}.plan`), planBytes(2000, [1, 1, 1, 1]));
  await writer.find(key(2), quiet.signal);
  writer.close();
  const store = await openStore(t, { folder, maxBytes: bytes });
  await store.obtain(key(3), counting().build, quiet);
  assert.deepEqual(await held(store), [0, 1, 3]);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.endsWith('.rejected')),
    [],
  );
});
