import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import type { Binding, GraphFigures } from '../../src/native/tensorrt.ts';
import { buildFakes, headersOf, type Major } from '../fakes/build.ts';
import { fakeEnvironment, type Knobs } from '../fakes/environment.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CHILD = join(import.meta.dirname, 'engine-child.ts');
const MAJORS = [10, 11] as const;

const isReady = async (major: Major) =>
  existsSync(join(ROOT, `build/Release/tensorrt${major}.node`)) && (await headersOf(major)) !== undefined;
/** Long enough that a run is sure to be in flight when the next is asked for. */
const SLOW: Knobs = { enqueueUs: 300_000 };
const skip =
  !(await Promise.all(MAJORS.map(isReady))).every(Boolean) &&
  'no modules of both majors of TensorRT: npm run headers, then npm run build';

interface Ended<Answer> {
  readonly code: number | string;
  readonly answer: Answer;
}

/** Does a task of engine-child.ts in a process that finds the fakes; the process has to end by itself. */
async function end<Answer>(task: string, knobs: Knobs = {}, major: Major = 10, ...more: string[]) {
  const env = { ...process.env, ...fakeEnvironment(await buildFakes(major), knobs) };
  const args = ['--import', 'tsx', CHILD, String(major), task, ...more];
  return new Promise<Ended<Answer>>((done, fail) => {
    execFile(process.execPath, args, { env, timeout: 60_000 }, (error, stdout, stderr) => {
      if (stderr.includes('fake: ')) return fail(new Error(stderr));
      const code = error ? (error.code ?? String(error.signal)) : 0;
      if (stdout === '') return fail(new Error(`${task} ended with ${code}: ${stderr}`));
      done({ code, answer: JSON.parse(stdout) });
    });
  });
}

async function ask<Answer>(...request: Parameters<typeof end>): Promise<Answer> {
  const { code, answer } = await end<Answer>(...request);
  assert.equal(code, 0, 'the process ended in order');
  return answer;
}

interface Faults {
  readonly before: boolean[];
  readonly fault: string;
  readonly later: { same: string; other: string; context: string };
  readonly graphs: GraphFigures;
}

describe('an engine of the fake TensorRT', { skip, concurrency: 3 }, () => {
  for (const major of MAJORS) {
    test(`TensorRT ${major}: each row of each size of batch is its own, and no padding is given out`, async () => {
      const { wrong, made, graphs, bindings, deviceBytes, planBytes } = await ask<{
        wrong: string[];
        made: number;
        graphs: GraphFigures;
        bindings: Binding[];
        deviceBytes: number;
        planBytes: number;
      }>('rows', {}, major);
      assert.deepEqual(wrong, []);
      assert.equal(made, 0, 'what another tenant takes of the memory is no matter once the context is there');
      assert.deepEqual(graphs, { captured: 0, launched: 0, refused: [] });
      assert.deepEqual(bindings, [
        { name: 'ids', direction: 'input', type: 'int32', shape: [-1, -1] },
        { name: 'end', direction: 'input', type: 'int32', shape: [-1] },
        { name: 'vectors', direction: 'output', type: 'float32', shape: [-1, 3] },
      ]);
      // 32 rows of 4 ids, 1 end, 3 components and 64 bytes of scratch memory; the plan stands for the weights.
      assert.equal(deviceBytes - planBytes, 32 * (4 * 4 + 4 + 3 * 4 + 64));
    });

    test(`TensorRT ${major}: graphs are captured for a few sizes and give what is new in each run`, async () => {
      const { wrong, made, graphs } = await ask<{ wrong: string[]; made: number[]; graphs: GraphFigures }>(
        'graphs',
        {},
        major,
      );
      assert.deepEqual(wrong, []);
      assert.deepEqual(made.slice(2), [0, 0], 'once all are captured nothing is asked of the driver');
      // 1; 2, 3, 4, 6, 8, 12, 16, 24, 32; and with more columns 1, 2, 3, 4, 6, 8.
      assert.equal(graphs.captured, 16);
      assert.deepEqual(graphs.refused, []);
      const runs = 4 * (32 + 8);
      assert.equal(graphs.launched, runs - 2 * 16);
    });
  }

  test('two contexts of the fake at once give each its own rows', async () => {
    assert.deepEqual(await ask('two contexts', { enqueueUs: 300 }), [[], []]);
  });

  test('the fake takes int64, uint8 and float32, and a plan without dynamic rows', async () => {
    assert.deepEqual(await ask('types'), []);
  });

  test('feeds that fit no profile are refused as such, and the context of the fake serves on', async () => {
    const { faults, second, after } = await ask<{
      faults: Record<string, string>;
      second: string;
      after: boolean;
    }>('wrong feeds', SLOW);
    const shapes = ['too many rows', 'other columns', 'too many rows for these columns'];
    for (const [name, fault] of Object.entries(faults))
      if (shapes.includes(name)) assert.match(fault, /^shape: /, name);
      else assert.match(fault, /^(failed|undefined): .*(expected|missing)/, name);
    assert.match(faults['other columns']!, /no profile takes \[2, 5\] and \[2\]: .*\[1, 8\] … \[8, 8\]/);
    assert.match(second, /one at a time/);
    assert.ok(after, 'rows after the faults are right');
  });

  test('the fake refuses a short, foreign, older, damaged and unusable plan and keeps nothing of it', async () => {
    const { faults, live } = await ask<{ faults: Record<string, string>; live: number }>('wrong plans');
    for (const name of ['empty', 'short', 'another file', 'another version', 'truncated', 'damaged'])
      assert.match(faults[name]!, /^plan: /, name);
    assert.match(faults['another version']!, /a plan of TensorRT 10\.15\..*, but 10\.16\..* is loaded/);
    assert.match(faults.damaged!, /the plan is damaged/, "the library's own words");
    assert.match(faults['half output']!, /^unsupported: .*vectors/);
    assert.match(faults['no such device']!, /^unsupported: device 7 .* the driver has 1/);
    assert.equal(live, 0);
  });

  test('a context for which the fake has no memory leaves nothing, and the engine serves on', async () => {
    const answer = await ask<object>('memory', { gpuMib: 1 });
    const fault = 'memory: cuMemAlloc_v2: CUDA error 2, CUDA_ERROR_OUT_OF_MEMORY: out of memory';
    assert.deepEqual(answer, { fault, leaked: [0, 0], out: [2500, 2501, 2502], sameBytes: true });
  });

  test("a context that the fake refuses is a fault in the library's words", async () => {
    const { fault, live } = await ask<{ fault: string; live: number }>('context refused', { contextNull: 1 });
    assert.match(fault, /^failed: .*the fake was asked for no context/);
    assert.equal(live, 0);
  });

  test('a run that the fake refuses fails alone', async () => {
    const { before, fault, later } = await ask<Faults>('faults', { enqueueFail: 3 });
    assert.deepEqual(before, [true, true]);
    assert.match(fault, /^failed: .*enqueueV3.*the fake was asked to fail/);
    assert.equal(later.context, 'none', 'a new context is made after it');
  });

  for (const graphs of ['plain', 'graphs'])
    test(`the fake's sticky error ends all that is on the device (${graphs})`, async () => {
      const {
        before,
        fault,
        later,
        graphs: figures,
      } = await ask<Faults>('faults', { sticky: 3 }, 10, graphs);
      assert.deepEqual(before, [true, true]);
      assert.match(fault, /^sticky: .*error 700, CUDA_ERROR_ILLEGAL_ADDRESS/);
      assert.deepEqual(later, { same: fault, other: fault, context: fault });
      assert.equal(figures.launched, graphs === 'graphs' ? 1 : 0);
    });

  // A failed launch, an error of the hardware's, memory or link that cannot be corrected: what CUDA says where Xids are logged.
  for (const stickyCode of [214, 220, 714, 716, 719, 999])
    test(`CUDA's error ${stickyCode} of the fake is sticky`, async () => {
      const { fault, later } = await ask<Faults>('faults', { sticky: 3, stickyCode });
      assert.match(fault, new RegExp(`^sticky: .*CUDA error ${stickyCode}\\b`));
      assert.deepEqual(later, { same: fault, other: fault, context: fault });
    });

  test('a run of the fake that never ends is given up, and nothing waits for the device after it', async () => {
    const { before, fault, later } = await ask<Faults>('faults', { hang: 3 });
    assert.deepEqual(before, [true, true]);
    assert.equal(fault, 'hung: the device has not finished 2 rows in 3000 ms');
    assert.deepEqual(later, { same: fault, other: fault, context: fault });
  });

  test('a call that does not come back from the fake is given up too', async () => {
    const { before, fault, later } = await ask<Faults>('faults', { enqueueHang: 3 });
    assert.deepEqual(before, [true, true]);
    assert.match(fault, /^hung: .*does not come back from the driver/);
    assert.deepEqual(later, { same: fault, other: fault, context: fault });
  });

  test('shapes that the fake cannot capture run without a graph, and one sentence says why', async () => {
    const { right, graphs } = await ask<{ right: boolean[]; graphs: GraphFigures }>('capture', {
      captureFail: 1,
    });
    assert.deepEqual(right, [true, true, true, true, true]);
    assert.equal(graphs.captured + graphs.launched, 0);
    assert.equal(graphs.refused.length, 1);
    assert.match(graphs.refused[0]!, /^no graph of \[4, 4\] and \[4\]: .*error 900/);
  });

  test('closing waits for the run that the fake has in flight, and is final', async () => {
    const answer = await ask<{ right: boolean; order: string[]; faults: string[]; live: number }>(
      'close in flight',
      { enqueueUs: 50_000 },
    );
    assert.ok(answer.right, 'the run in flight gave its rows');
    assert.deepEqual(answer.order, ['run', 'close', 'close', 'close', 'close']);
    assert.deepEqual(answer.faults, ['failed: the context is closed', 'failed: the engine is closed']);
    assert.equal(answer.live, 0);
  });

  test('closing an engine of the fake closes its contexts', async () => {
    const answer = await ask<object>('engine closed alone');
    assert.deepEqual(answer, { fault: "failed: the context's engine is closed", live: 0 });
  });

  test('a hundred engines of the fake, each with two contexts and runs, leave nothing behind', async () => {
    // The retained device is all that stays of the driver's, and nothing of the library's.
    assert.deepEqual(await ask('cycles'), ['1 0']);
  });

  test('a process and a thread of JavaScript end in order with runs of the fake in flight', async () => {
    const slow: Knobs = { enqueueUs: 200_000 };
    for (const more of ['', 'opening', 'closing'])
      assert.equal((await end('exit', slow, 10, more)).code, 7, `the process ended by its own exit: ${more}`);
    assert.equal((await end('exit', { hang: 1 })).code, 7, 'a device that hangs does not hold the process');
    assert.deepEqual(await ask('threads', slow), { codes: [7, 7, 7], right: true });
  });

  test('an engine of the fake that is forgotten does not hold the process', async () => {
    assert.equal(await ask('forgotten'), true);
  });
});
