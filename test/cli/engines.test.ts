import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, readdir, truncate, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Here, misfit } from '../../src/cli/engines-here.ts';
import { describeEngines, type EngineRow } from '../../src/cli/engines-table.ts';
import { planName } from '../../src/engine/tensorrt/plan-key.ts';
import { counting, engineFolder, KEY, openStore, planBytes, quiet } from '../engine/plan-scene.ts';

const LAUNCH = resolve(import.meta.dirname, '../../dist/cli/launch.cjs');
const refused = { ...KEY, recipe: 'bf16' } as const;

function run(folder: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, CLIP_ENGINE_CACHE: folder };
  return new Promise((done) => {
    const child = execFile(process.execPath, [LAUNCH, 'engines', ...args], { env }, (_, out, err) =>
      done({ code: child.exitCode!, out, err }),
    );
  });
}

/** A cache with one plan and one refusal, used a while ago. */
async function cache(t: TestContext): Promise<string> {
  const folder = await engineFolder(t);
  const store = await openStore(t, { folder });
  await store.obtain(KEY, counting().build, quiet);
  const parity = { inputs: 64, mean: 0.8, least: 0.25 };
  await store.obtain(
    refused,
    counting(() => ({ model: 'm', refused: 'cosine too small', parity })).build,
    quiet,
  );
  for (const name of await readdir(folder)) await utimes(join(folder, name), 1, 1);
  return folder;
}

test('a cache that is not there is empty, and is not made', async (t) => {
  const folder = await engineFolder(t);
  const listed = await run(folder, 'list');
  assert.deepEqual(listed, { code: 0, err: '', out: `${folder}: 0 engines, 0.0 MB of 21474.8 MB\n` });
  assert.equal((await run(folder, 'verify')).code, 0);
  assert.equal((await run(folder, 'prune', '--all')).code, 0);
  assert.deepEqual(await readdir(dirname(folder)), []);
});

test('list tells of each engine what it is and whether it would load', async (t) => {
  const folder = await cache(t);
  const { code, out, err } = await run(folder, 'list', '--json');
  assert.deepEqual([code, err], [0, '']);
  const listed = JSON.parse(out) as { folder: string; bytes: number; engines: EngineRow[] };
  const of = (key: typeof KEY) => listed.engines.find(({ name }) => name === planName(key))!;
  const plan = of(KEY);
  assert.deepEqual(plan.key, KEY);
  assert.deepEqual(plan.parity, { inputs: 64, mean: 0.99999, least: 0.9997 });
  assert.deepEqual([plan.model, plan.inUse, plan.loads], ['ViT-B-32::openai', false, false]);
  assert.match(plan.reason!, /^(it is of TensorRT 10\.15\.1|it is for|there is no GPU)/);
  assert.deepEqual([of(refused).loads, of(refused).reason], [false, 'refused: cosine too small']);
  assert.equal(listed.bytes, plan.bytes + of(refused).bytes);
  const page = (await run(folder, 'list')).out;
  assert.match(page, /^ENGINE +MODEL +TOWER +RECIPE +ROWS +SIZE +COSINE +TENSORRT +GPU +AGE +LOADS\n/);
  assert.match(
    page,
    new RegExp(`^${planName(KEY).slice(0, 12)} +ViT-B-32::openai +text +fp16 +8 +0\\.0 MB`, 'm'),
  );
});

test('verify finds what a start would not take, and leaves it where it is', async (t) => {
  const folder = await cache(t);
  const whole = await run(folder, 'verify');
  assert.deepEqual([whole.code, whole.err], [0, '']);
  assert.match(whole.out, /2 of 2 engines whole\n$/);
  await truncate(join(folder, `${planName(KEY)}.plan`), 100);
  const { code, out } = await run(folder, 'verify', '--json');
  assert.equal(code, 1);
  const spoilt = JSON.parse(out).engines.find(({ whole }: { whole: boolean }) => !whole);
  assert.deepEqual(spoilt, {
    name: planName(KEY),
    model: 'ViT-B-32::openai',
    tower: 'text',
    recipe: 'fp16',
    whole: false,
    reason: 'its plan: expected 2000 bytes, got 100',
  });
  assert.match(
    (await run(folder, 'verify')).out,
    /ViT-B-32::openai text fp16: its plan: expected 2000 bytes, got 100/,
  );
  assert.equal((await readdir(folder)).length, 3);
});

test('prune removes what nobody can use; with --all what nobody uses', async (t) => {
  const folder = await cache(t);
  const rejected = `${planName({ ...KEY, multiprocessors: 1 })}.plan.rejected`;
  for (const name of [rejected, `${planName({ ...KEY, multiprocessors: 2 })}.plan`, 'notes.txt'])
    await writeFile(join(folder, name), planBytes(), { mode: 0o600 });
  const { code, out, err } = await run(folder, 'prune', '--json');
  assert.deepEqual([code, err], [0, '']);
  assert.deepEqual(
    JSON.parse(out).removed.map(({ kind }: { kind: string }) => kind),
    ['rejected'],
  );
  const left = ['notes.txt', `${planName(KEY)}.json`, `${planName(KEY)}.plan`, `${planName(refused)}.json`];
  assert.deepEqual((await readdir(folder)).sort(), left.sort());
  await (await openStore(t, { folder })).find(KEY, quiet.signal);
  const all = await run(folder, 'prune', '--all');
  assert.match(all.out, /1 removed, 0\.0 MB\n$/);
  assert.deepEqual(
    (await readdir(folder)).sort(),
    left.filter((name) => !name.startsWith(planName(refused))).sort(),
  );
});

test('a folder that others can write is an error with advice', async (t) => {
  const folder = await cache(t);
  await chmod(folder, 0o777);
  for (const action of ['list', 'verify', 'prune']) {
    const { code, out, err } = await run(folder, action);
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /^clip-server: .* can be written by others \(mode 777\): .*chmod 700/);
  }
});

test('a command line that is wrong ends with 2 and the way to help; help has 0', async (t) => {
  const folder = await engineFolder(t);
  for (const args of [[], ['drop'], ['list', 'list'], ['list', '--all'], ['list', '--jason']]) {
    const { code, err } = await run(folder, ...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(err, /clip-server engines --help shows the usage/);
  }
  const { code, out } = await run(folder, '--help');
  assert.equal(code, 0);
  assert.match(out, /^Usage: clip-server engines list\|verify\|prune/);
});

const HERE: Here = {
  versions: ['10.15.1'],
  gpus: [{ name: KEY.gpu, computeCapability: KEY.computeCapability, memoryBytes: KEY.memoryBytes }],
  driverMajor: 12,
  platform: 'linux-x64',
};

test('an engine would load where library, GPU, driver and platform are those of its key', () => {
  assert.equal(misfit(KEY, HERE), undefined);
  const others: [Partial<Here>, string][] = [
    [{ platform: 'linux-arm64' }, 'it is for linux-x64'],
    [{ versions: [] }, 'it is of TensorRT 10.15.1, none is served here'],
    [{ versions: ['11.4.0', '10.6.0'] }, 'it is of TensorRT 10.15.1, here is 11.4.0 and 10.6.0'],
    [{ gpus: [] }, 'there is no GPU'],
    [{ gpus: [{ ...HERE.gpus[0]!, name: 'Other GPU' }] }, 'it is for Some GPU'],
    [{ gpus: [{ ...HERE.gpus[0]!, memoryBytes: 1 }] }, 'it is for Some GPU'],
    [{ driverMajor: 13 }, 'it is for a driver of CUDA 12'],
  ];
  for (const [other, reason] of others) assert.equal(misfit(KEY, { ...HERE, ...other }), reason);
});

test('the table: rows, parity and age of an engine that loads, and one that cannot be read', () => {
  const created = '2026-01-01T00:00:00.000Z';
  const about = { name: 'f'.repeat(64), bytes: 12_345_678, used: created, inUse: false };
  const parity = { inputs: 64, mean: 0.99999, least: 0.9997 };
  const page = describeEngines(
    [
      { ...about, model: 'm', key: KEY, parity, created, loads: true },
      { ...about, model: 'm', key: { ...KEY, profiles: [] }, created, loads: true },
      { ...about, loads: false, reason: 'its record: cut off' },
    ],
    Date.parse('2026-01-03T05:00:00.000Z'),
  );
  const [, whole, fixed, broken] = page.split('\n').map((line) => line.split(/ {2,}/));
  const gpu = ['10.15.1.29', 'Some GPU 9.0', '2 d', 'yes'];
  assert.deepEqual(whole, ['ffffffffffff', 'm', 'text', 'fp16', '8', '12.3 MB', '0.99999 0.99970', ...gpu]);
  assert.deepEqual(fixed, ['ffffffffffff', 'm', 'text', 'fp16', 'fixed', '12.3 MB', ...gpu]);
  assert.deepEqual(broken, ['ffffffffffff', '12.3 MB', 'no: its record: cut off']);
});
