import assert from 'node:assert/strict';
import {
  chmod,
  chown,
  readdir,
  readFile,
  rename,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PlanKey, ProvedPlan } from '../../src/engine/tensorrt/plan.ts';
import { planName } from '../../src/engine/tensorrt/plan-key.ts';
import { built, counting, engineFolder, KEY, keptLog, openStore, planBytes, quiet } from './plan-scene.ts';

const NAME = planName(KEY);
const { signal } = quiet;

test('a plan that was kept is given to the next process, byte for byte, with its record', async (t) => {
  const folder = await engineFolder(t);
  const first = await openStore(t, { folder });
  const made = (await first.obtain(KEY, counting().build, quiet)) as ProvedPlan;
  const found = (await (await openStore(t, { folder })).find(KEY, signal)) as ProvedPlan;
  assert.deepEqual(found.plan, new Uint8Array(planBytes()));
  assert.deepEqual(found.record, made.record);
  const { plan: _, ...about } = built();
  const { created, sha256, ...rest } = found.record;
  assert.deepEqual(rest, { ...about, key: KEY, bytes: 2000 });
  assert.match(sha256, /^[0-9a-f]{64}$/);
  assert.ok(!Number.isNaN(Date.parse(created)), created);
});

test('files are for this user alone, and no unfinished one stays', async (t) => {
  const folder = await engineFolder(t);
  const store = await openStore(t, { folder });
  await store.obtain(KEY, counting().build, quiet);
  await store.keepTimingCache(KEY, planBytes(50));
  const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
  assert.equal(await mode(folder), '700');
  const names = await readdir(folder);
  assert.equal(names.length, 3, names.join(' '));
  for (const name of names) assert.equal(await mode(join(folder, name)), '600', name);
});

test('the name depends on every member of the key, and not on their order', () => {
  const others: Partial<PlanKey>[] = [
    { weights: 'b'.repeat(64) },
    { rewriterVersion: 3 },
    { tower: 'image' },
    { recipe: 'fp32' },
    { profiles: [] },
    { optimisationLevel: 4 },
    { tensorrt: '10.15.1.30' },
    { driverMajor: 13 },
    { gpu: 'Other GPU' },
    { computeCapability: '8.9' },
    { multiprocessors: 131 },
    { memoryBytes: 1 },
    { platform: 'linux-arm64' },
  ];
  assert.deepEqual(others.flatMap((other) => Object.keys(other)).sort(), Object.keys(KEY).sort());
  const names = others.map((other) => planName({ ...KEY, ...other }));
  assert.equal(new Set([...names, NAME]).size, others.length + 1);
  const turned = Object.fromEntries(Object.entries(KEY).reverse()) as unknown as PlanKey;
  assert.equal(planName(turned), NAME);
});

test('a plan is built anew after the weights, the library or the GPU changed, and the old one stays', async (t) => {
  const store = await openStore(t, { folder: await engineFolder(t) });
  const counted = counting();
  await store.obtain(KEY, counted.build, quiet);
  for (const other of [{ weights: 'b'.repeat(64) }, { gpu: 'Other GPU' }]) {
    await store.obtain({ ...KEY, ...other }, counted.build, quiet);
  }
  const newer = () => built(planBytes(2000, [10, 16, 0, 72]));
  await store.obtain({ ...KEY, tensorrt: '10.16.0.72' }, counting(newer).build, quiet);
  assert.equal(counted.times, 3);
  assert.ok('plan' in (await store.find(KEY, signal)), 'the first plan is gone');
});

/** What can become of a plan's files, and how the reason begins. */
const SPOILT: Record<string, { spoil: (folder: string) => Promise<void>; reason: RegExp }> = {
  'a truncated plan': {
    spoil: (folder) => truncate(join(folder, `${NAME}.plan`), 1999),
    reason: /its plan: expected 2000 bytes, got 1999/,
  },
  'an empty plan': {
    spoil: (folder) => truncate(join(folder, `${NAME}.plan`), 0),
    reason: /its plan: expected 2000 bytes, got 0/,
  },
  'a plan with one bit flipped': {
    spoil: (folder) =>
      change(join(folder, `${NAME}.plan`), (bytes) => bytes.writeUInt8(bytes[1500]! ^ 1, 1500)),
    reason: /its plan: expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}/,
  },
  'a plan of another TensorRT': {
    spoil: (folder) => writeFile(join(folder, `${NAME}.plan`), planBytes(2000, [10, 16, 0, 72])),
    reason: /its plan: expected a plan of TensorRT 10\.15\.1\.29, got one of 10\.16\.0\.72/,
  },
  'a file that is no plan': {
    spoil: (folder) => writeFile(join(folder, `${NAME}.plan`), Buffer.alloc(2000, 'x')),
    reason: /its plan: expected a plan's tag 0x74727466, got 0x78787878/,
  },
  'the record of another key': {
    spoil: (folder) =>
      change(join(folder, `${NAME}.json`), (bytes) => bytes.write('"b', bytes.indexOf('"aaa'))),
    reason: /its record: its key is that of [0-9a-f]{64}/,
  },
  'a record cut off': {
    spoil: (folder) => truncate(join(folder, `${NAME}.json`), 100),
    reason: /its record: /,
  },
  'a record without a checksum': {
    spoil: (folder) =>
      change(join(folder, `${NAME}.json`), (bytes) => bytes.write('"nosum0"', bytes.indexOf('"sha256"'))),
    reason: /its record: expected the record of a plan or of a refusal, got one that lacks members/,
  },
  'a record beyond all bounds': {
    spoil: (folder) => truncate(join(folder, `${NAME}.json`), 1024 * 1024 + 1),
    reason: /its record: expected at most 1048576 bytes, got 1048577/,
  },
  'a plan that others can write': {
    spoil: (folder) => chmod(join(folder, `${NAME}.plan`), 0o620),
    reason: /\.plan can be written by others \(mode 620\): whoever can write an engine can run code/,
  },
  'a link in the place of the plan': {
    spoil: async (folder) => {
      await rename(join(folder, `${NAME}.plan`), join(folder, 'elsewhere'));
      await symlink('elsewhere', join(folder, `${NAME}.plan`));
    },
    reason: /\.plan: expected a file, found a link/,
  },
};

async function change(path: string, by: (bytes: Buffer) => unknown): Promise<void> {
  const bytes = await readFile(path);
  by(bytes);
  await writeFile(path, bytes);
}

for (const [what, { spoil, reason }] of Object.entries(SPOILT)) {
  test(`${what} is set aside and never given out; the next one is built`, async (t) => {
    const folder = await engineFolder(t);
    const { log, lines } = keptLog();
    const store = await openStore(t, { folder }, { log });
    const counted = counting();
    await store.obtain(KEY, counted.build, quiet);
    await spoil(folder);
    const found = await store.find(KEY, signal);
    assert.match('reason' in found ? found.reason : 'a plan', reason);
    assert.equal(
      lines.filter((line) => line.startsWith('warn:') && reason.test(line)).length,
      1,
      lines.join('\n'),
    );
    const names = await readdir(folder);
    assert.ok(!names.includes(`${NAME}.json`), 'the record is still in use');
    assert.ok(names.includes(`${NAME}.plan.rejected`), names.join(' '));
    const anew = await store.obtain(KEY, counted.build, quiet);
    assert.equal(counted.times, 2);
    assert.ok('plan' in anew && 'plan' in (await store.find(KEY, signal)), 'the new plan is not there');
  });
}

test('a plan of another user is not given out', {
  skip: process.geteuid?.() !== 0 && 'needs root',
}, async (t) => {
  const folder = await engineFolder(t);
  const store = await openStore(t, { folder });
  await store.obtain(KEY, counting().build, quiet);
  await chown(join(folder, `${NAME}.plan`), 4711, 4711);
  const found = await store.find(KEY, signal);
  assert.match(
    'reason' in found ? found.reason : 'a plan',
    /belongs to the user 4711, and this is the user 0/,
  );
});

test('a folder that others can write, or own, is neither read nor written; plans are built for the process alone', async (t) => {
  const folder = await engineFolder(t);
  await (await openStore(t, { folder })).obtain(KEY, counting().build, quiet);
  const unfit: [RegExp, () => Promise<void>][] = [
    [/can be written by others \(mode 770\).*chmod 700/, () => chmod(folder, 0o770)],
    [/can be written by others \(mode 702\)/, () => chmod(folder, 0o702)],
  ];
  if (process.geteuid?.() === 0) unfit.push([/belongs to the user 4711/, () => chown(folder, 4711, 0)]);
  for (const [reason, make] of unfit) {
    await make();
    const before = await readdir(folder);
    const { log, lines } = keptLog();
    const store = await openStore(t, { folder }, { log });
    const counted = counting();
    assert.ok('plan' in (await store.obtain(KEY, counted.build, quiet)), 'no plan');
    assert.ok('reason' in (await store.find(KEY, signal)), 'it was read');
    await store.keepTimingCache(KEY, planBytes(50));
    assert.equal(await store.timingCache(KEY), undefined);
    assert.equal(counted.times, 1);
    assert.deepEqual(await readdir(folder), before);
    const warnings = lines.filter((line) => line.startsWith('warn:'));
    assert.equal(warnings.length, 1, lines.join('\n'));
    assert.match(warnings[0]!, reason);
  }
});

test('a file in the place of the folder is told, and plans are built all the same', async (t) => {
  const folder = await engineFolder(t);
  await writeFile(folder, '');
  const { log, lines } = keptLog();
  const store = await openStore(t, { folder }, { log });
  assert.ok('plan' in (await store.obtain(KEY, counting().build, quiet)), 'no plan');
  assert.match(lines[0]!, /^warn: .*engines: expected a folder, found a file/);
});

test('of many rejected plans the newest four stay', async (t) => {
  const folder = await engineFolder(t);
  const store = await openStore(t, { folder });
  for (let i = 0; i < 6; i++) {
    const key = { ...KEY, multiprocessors: i };
    await store.obtain(key, counting().build, quiet);
    await truncate(join(folder, `${planName(key)}.plan`), 10);
    await store.find(key, signal);
  }
  const rejected = (await readdir(folder)).filter((name) => name.endsWith('.plan.rejected'));
  assert.equal(rejected.length, 4);
});

test('a refusal is kept, so that no later start builds what does not pass', async (t) => {
  const folder = await engineFolder(t);
  const parity = { inputs: 64, mean: 0.9, least: 0.2 };
  const counted = counting(() => ({ model: 'm', refused: 'cosine 0.2 at least', parity }));
  const first = await (await openStore(t, { folder })).obtain(KEY, counted.build, quiet);
  const second = await (await openStore(t, { folder })).obtain(KEY, counted.build, quiet);
  assert.equal(counted.times, 1);
  assert.deepEqual(first, second);
  assert.ok('refused' in second && second.parity?.least === 0.2, JSON.stringify(second));
});

test('what the build throws comes out, and another may try at once', async (t) => {
  const folder = await engineFolder(t);
  const store = await openStore(t, { folder });
  // As a full disk would: it must not be taken for the cache's own.
  const thrown = Object.assign(new Error('no space for the graph'), { code: 'ENOSPC' });
  await assert.rejects(
    store.obtain(KEY, () => Promise.reject(thrown), quiet),
    thrown,
  );
  assert.deepEqual(await readdir(folder), []);
  assert.ok('plan' in (await store.obtain(KEY, counting().build, quiet)), 'no plan');
});

test('an aborted signal ends find, a build and a wait', async (t) => {
  const folder = await engineFolder(t);
  const store = await openStore(t, { folder });
  const stop = new AbortController();
  const reason = new Error('stop');
  const building = store.obtain(
    KEY,
    (held) => {
      stop.abort(reason);
      return Promise.reject(held.reason);
    },
    { ...quiet, signal: stop.signal },
  );
  await assert.rejects(building, reason);
  const waiter = new AbortController();
  const outcome = await store.obtain(
    KEY,
    async () => {
      const progress = () => waiter.abort(reason);
      await assert.rejects(
        store.obtain(KEY, counting().build, { ...quiet, signal: waiter.signal, progress }),
        reason,
      );
      return built();
    },
    quiet,
  );
  assert.ok('plan' in outcome, 'no plan');
  await assert.rejects(store.find(KEY, stop.signal), reason);
});

test('a plan whose header is not that of the key is given out once and not kept', async (t) => {
  const folder = await engineFolder(t);
  const { log, lines } = keptLog();
  const store = await openStore(t, { folder }, { log });
  const other = counting(() => built(planBytes(2000, [10, 6, 0, 26])));
  assert.ok('plan' in (await store.obtain(KEY, other.build, quiet)), 'no plan');
  assert.deepEqual(await readdir(folder), []);
  assert.match(
    lines.find((line) => line.startsWith('warn:')) ?? '',
    /expected a plan of TensorRT 10\.15\.1\.29, got one of 10\.6\.0\.26/,
  );
});

test('timings are kept by library and kind of GPU, and not given out where a bit is wrong', async (t) => {
  const folder = await engineFolder(t);
  const store = await openStore(t, { folder });
  const timings = planBytes(500);
  await store.keepTimingCache(KEY, timings);
  await store.keepTimingCache({ ...KEY, gpu: 'Other GPU' }, planBytes(40));
  assert.deepEqual(new Uint8Array((await store.timingCache(KEY))!), new Uint8Array(timings));
  assert.equal(await store.timingCache({ ...KEY, tensorrt: '11.4.0.106' }), undefined);
  const files = (await readdir(folder)).filter((name) => name.startsWith('timing-'));
  assert.equal(files.length, 2);
  for (const file of files)
    await change(join(folder, file), (bytes) => bytes.writeUInt8(0, bytes.length - 1));
  assert.equal(await store.timingCache(KEY), undefined);
  assert.equal((await readdir(folder)).length, 1, 'the spoilt file is still there');
});

test('a plan that is in use keeps a young time, whenever it was built', async (t) => {
  const folder = await engineFolder(t);
  const store = await openStore(t, { folder }, { markMs: 5 });
  await store.obtain(KEY, counting().build, quiet);
  const record = join(folder, `${NAME}.json`);
  await utimes(record, 0, 0);
  while ((await stat(record)).mtimeMs === 0) await new Promise((resolve) => setImmediate(resolve));
  store.close();
});
