import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { settleInProcess } from '../../src/engine/rewrite/process.ts';
import type { RewriteHooks } from '../../src/engine/rewrite/towers.ts';
import { GRAPH, House } from './rewriting-house.ts';

const file = new URL('./rewriting-child.ts', import.meta.url);
const inProcess: RewriteHooks['settle'] = (task, options) => settleInProcess(task, { ...options, file });

for (const [fall, words] of [
  ['exit', /ended with code 3: the runtime fell over/],
  ['signal', /ended with SIGSEGV/],
] as const)
  test(`a process that falls over by ${fall} costs a warning, and is tried again at the next start`, async (t) => {
    const house = await House.open(t, { fall });
    assert.equal((await house.start({ settle: inProcess })).contract.text, house.contract.text);
    assert.match(house.lines[0]!, words);
    assert.deepEqual(await house.graph(), ['text original failed', 'image original not_recognised']);
    await house.conduct({ columns: 'dynamic' });
    house.lines.length = 0;
    assert.notEqual(
      (await house.start({ settle: inProcess })).contract.text,
      house.contract.text,
      house.lines.join(),
    );
    assert.equal((await house.runs()).length, 2);
  });

const exists = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

async function hanging(house: House): Promise<number> {
  for (;;) {
    const half = (await house.files()).some((name) => GRAPH.test(name));
    const [pid] = await house.runs();
    if (half && pid) return pid;
    await setTimeout(5);
  }
}

test('an abort in the middle leaves no process and no file', async (t) => {
  const house = await House.open(t, { hang: true });
  const stop = new AbortController();
  const starting = house.start({ settle: inProcess, signal: stop.signal });
  const pid = await hanging(house);
  const reason = new Error('stopped by SIGTERM');
  stop.abort(reason);
  await assert.rejects(starting, reason);
  assert.equal(exists(pid), false);
  assert.deepEqual(await house.files(), ['.textual.sha256.json']);
});

test('a process that hangs is ended when its time is over', async (t) => {
  const house = await House.open(t, { hang: true });
  const { contract } = await house.start({ settle: inProcess, limits: { settleMs: 1500 } });
  assert.equal(contract.text, house.contract.text);
  assert.match(house.lines[0]!, /took longer than 1\.5 s/);
  assert.ok((await house.runs()).every((pid) => !exists(pid)));
  assert.ok(!(await house.files()).some((name) => GRAPH.test(name)));
});

test('a process settles as this one would, and says how far it is', async (t) => {
  const house = await House.open(t, { columns: 'dynamic' });
  const { contract } = await house.start({ settle: inProcess });
  const phases = ['checking', 'rewriting', 'proving', 'done'];
  assert.deepEqual([...new Set(house.phases.map(({ phase }) => phase))], phases);
  assert.deepEqual((await house.start()).contract, contract);
  assert.ok((await house.runs()).every((pid) => pid !== process.pid && !exists(pid)));
});
