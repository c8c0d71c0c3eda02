import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { planName } from '../../src/engine/tensorrt/plan-key.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { counting, engineFolder, GPU, KEY, keptLog, openStore, quiet } from './plan-scene.ts';

const CHILD = join(import.meta.dirname, 'plan-child.ts');
const NAME = planName(KEY);

interface Child {
  readonly process: ChildProcess;
  /** Its lines so far. */
  readonly lines: string[];
}

function start(
  t: TestContext,
  folder: string,
  how: string,
  onLine: (line: string, child: Child) => void,
  kind: readonly string[] = [],
): Child {
  const counter = join(dirname(folder), 'counter');
  const process_ = spawn(process.execPath, ['--import', 'tsx', CHILD, folder, counter, how, ...kind], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => process_.kill('SIGKILL'));
  const child: Child = { process: process_, lines: [] };
  createInterface(process_.stdout!).on('line', (line) => {
    child.lines.push(line);
    onLine(line, child);
  });
  return child;
}

const builds = async (folder: string) =>
  (await readFile(join(dirname(folder), 'counter'), 'utf8')).split('\n').length - 1;

test('two processes ask for one engine: one builds it, the other shows that it waits and takes it', async (t) => {
  const folder = await engineFolder(t);
  const children: Child[] = [];
  for (let i = 0; i < 2; i++)
    children.push(
      start(t, folder, 'gated', (line) => {
        // The builder may end only when the other is known to wait.
        if (line === 'waiting') for (const { process } of children) process.stdin!.write('go\n');
      }),
    );
  const codes = await Promise.all(children.map((child) => once(child.process, 'close')));
  assert.deepEqual(codes, [
    [0, null],
    [0, null],
  ]);
  assert.equal(await builds(folder), 1);
  const said = children.map(({ lines }) => lines);
  assert.deepEqual(said.map((lines) => lines[0]).sort(), ['building', 'waiting']);
  assert.match(said[0]!.at(-1)!, /^plan [0-9a-f]{64}$/);
  assert.equal(said[0]!.at(-1), said[1]!.at(-1));
  assert.deepEqual((await readdir(folder)).sort(), [`${NAME}.json`, `${NAME}.plan`]);
});

test('two processes with different engines for one GPU build one after the other', async (t) => {
  const folder = await engineFolder(t);
  const children: Child[] = [];
  // The first may end only when the other is known to wait; then that builds. None waits for ever where both build.
  let isOpen = false;
  const onLine = () => {
    const waits = children.some(({ lines }) => lines.includes('waiting'));
    const both = children.every(({ lines }) => lines.includes('building'));
    if (isOpen || !(waits || both)) return;
    isOpen = true;
    for (const { process } of children) process.stdin!.write('go\n');
  };
  for (const kind of ['100', '132']) children.push(start(t, folder, 'gated', onLine, [kind]));
  await Promise.all(children.map((child) => once(child.process, 'close')));
  assert.equal(await builds(folder), 2);
  const first = children.find(({ lines }) => lines[0] === 'building')!;
  const second = children.find((child) => child !== first)!;
  assert.deepEqual(second.lines.slice(0, 2), ['waiting', 'building']);
  assert.equal((await readdir(folder)).filter((name) => name.endsWith('.plan')).length, 2);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.endsWith('.lock')),
    [],
  );
});

test('a builder that is killed leaves a lock, which the next one takes over once it is stale', async (t) => {
  const folder = await engineFolder(t);
  const child = start(
    t,
    folder,
    'gated',
    (line, { process }) => line === 'building' && process.kill('SIGKILL'),
  );
  await once(child.process, 'close');
  for (const name of [NAME, `gpu-${GPU}`]) await utimes(join(folder, `${name}.lock`), 0, 0);
  const counted = counting();
  const store = await openStore(t, { folder });
  assert.ok('plan' in (await store.obtain(KEY, counted.build, quiet)), 'no plan');
  assert.equal(counted.times, 1);
  assert.deepEqual((await readdir(folder)).sort(), [`${NAME}.json`, `${NAME}.plan`]);
});

for (const [number, left] of [
  [1, /^[0-9a-f]{64}\.[0-9a-f-]{36}\.tmp$/],
  [2, /^[0-9a-f]{64}\.(plan|[0-9a-f-]{36}\.tmp)$/],
] as const) {
  test(`a process that is killed before it names file ${number} leaves no plan; the next start clears away what is left`, async (t) => {
    const folder = await engineFolder(t);
    const child = start(t, folder, `dies-${number}`, () => {});
    const [, signal] = await once(child.process, 'close');
    assert.equal(signal, 'SIGKILL');
    const names = (await readdir(folder)).filter((name) => name !== `${NAME}.lock`);
    assert.equal(names.length, number);
    for (const name of names) assert.match(name, left);
    const early = await openStore(t, { folder });
    assert.equal((await readdir(folder)).length, number + 1, 'a lock that may be held was not respected');
    assert.ok('reason' in (await early.find(KEY, quiet.signal)), 'half a plan was given out');
    await utimes(join(folder, `${NAME}.lock`), 0, 0);
    await openStore(t, { folder });
    assert.deepEqual(await readdir(folder), []);
  });
}

test('a lock that is never given up: after the wait the engine is built for the process alone', async (t) => {
  const folder = await engineFolder(t);
  const { log, lines } = keptLog();
  const metrics = new Metrics();
  const store = await openStore(t, { folder, waitMs: 0 }, { log, metrics });
  await mkdir(join(folder, `${NAME}.lock`));
  const waits: string[] = [];
  const progress = ({ phase, detail }: { phase: string; detail?: string }) =>
    waits.push(`${phase} ${detail}`);
  const counted = counting();
  assert.ok('plan' in (await store.obtain(KEY, counted.build, { ...quiet, progress })), 'no plan');
  assert.equal(counted.times, 1);
  assert.match(waits[0]!, /^waiting another process builds it \(.*\.lock\)$/);
  assert.match(
    lines.find((line) => line.startsWith('warn:')) ?? '',
    /built for this process alone: .*has held/,
  );
  assert.match(await metrics.text(), /clip_limit_reached_total\{limit="engines_wait_ms"\} 1/);
  assert.deepEqual(await readdir(folder), [`${NAME}.lock`]);
});

test('a builder whose lock was taken over stops, and takes what the other builds', async (t) => {
  const folder = await engineFolder(t);
  const store = await openStore(t, { folder }, { staleMs: 2000 });
  const other = await openStore(t, { folder });
  // The lock's own timer keeps no process alive.
  const alive = setInterval(() => {}, 1000);
  t.after(() => clearInterval(alive));
  const counted = counting();
  let stopped = false;
  const outcome = await store.obtain(
    KEY,
    async (held) => {
      // As after a sleep of the machine: the lock is gone, and another process comes.
      await rm(join(folder, `${NAME}.lock`), { recursive: true });
      await new Promise((resolve) => held.addEventListener('abort', resolve));
      stopped = true;
      await other.obtain(KEY, counted.build, quiet);
      throw held.reason;
    },
    quiet,
  );
  assert.ok(stopped && 'plan' in outcome, 'no plan');
  assert.equal(counted.times, 1);
});
