import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../src/observe/log.ts';
import { GPU_LOST, type Restarts } from '../../src/supervise/messages.ts';
import type { Ending, ServingProcess } from '../../src/supervise/serving-process.ts';
import { MOST_FAILED_STARTS, type SupervisorOptions, supervise } from '../../src/supervise/supervisor.ts';

const lost: Ending = { code: GPU_LOST, words: 'lost its GPU', cause: 'sticky' };
const crashed: Ending = { words: 'was ended by SIGABRT', cause: 'crashed' };
const ended = (code: number): Ending => ({ code, words: `ended with code ${code}`, cause: 'failed' });

/** What a serving process does: serves for so many ms, or not at all, and ends. */
interface Life {
  readonly serves?: number;
  readonly ending: Ending;
}

/** A supervisor whose processes live as told, one after the other; time passes by their lives and by pauses alone. */
function scene(lives: readonly Life[], options: Partial<SupervisorOptions> = {}) {
  const pauses: number[] = [];
  const starts: Restarts[] = [];
  let now = 0;
  const code = supervise({
    start: (restarts, onServes): ServingProcess => {
      const { serves, ending } = lives[starts.push(restarts) - 1]!;
      if (serves !== undefined) onServes();
      now += serves ?? 0;
      return { ended: Promise.resolve(ending), stop() {}, reload() {}, kill() {} };
    },
    signal: new AbortController().signal,
    stopMs: 1000,
    log: silentLog,
    time: {
      now: () => now,
      pause: async (ms) => {
        pauses.push(ms);
        now += ms;
      },
    },
    ...options,
  });
  return { code, pauses, starts };
}

test('a lost GPU and a crash are followed by another process, later each time', async () => {
  const { code, pauses, starts } = scene([
    { serves: 10, ending: lost },
    { serves: 10, ending: crashed },
    { serves: 10, ending: { ...lost, cause: 'canary' } },
    { serves: 10, ending: ended(0) },
  ]);
  assert.equal(await code, 0);
  assert.deepEqual(pauses, [1000, 2000, 4000]);
  assert.deepEqual(starts.at(-1)!, { sticky: 1, hung: 0, canary: 1, crashed: 1, failed: 0 });
});

test('the pause is 30 s at most, and 1 s again after a minute of service', async () => {
  const short = Array.from({ length: 7 }, () => ({ serves: 59_999, ending: lost }));
  const { code, pauses } = scene([...short, { serves: 60_000, ending: lost }, { ending: ended(0) }]);
  assert.equal(await code, 0);
  assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 1000]);
});

test('a fault of the configuration or of the first start is its own exit code, at once', async () => {
  for (const wrong of [1, 2]) {
    const { code, pauses } = scene([{ ending: ended(wrong) }]);
    assert.deepEqual([await code, pauses], [wrong, []]);
  }
  const later = scene([{ serves: 1, ending: lost }, { ending: ended(2) }]);
  assert.equal(await later.code, 2, 'what the configuration asks for cannot be had any more');
});

test('a fault of a later start is tried again, as an end that nobody asked for', async () => {
  const { code, pauses, starts } = scene([
    { serves: 1, ending: ended(1) },
    { ending: ended(1) },
    { serves: 1, ending: ended(0) },
  ]);
  assert.deepEqual([await code, pauses], [0, [1000, 2000]]);
  assert.equal(starts.at(-1)!.failed, 2);
});

test('starts that come to nothing are given up, with the last reason; one that serves begins the count anew', async () => {
  const fail = { ending: crashed };
  const almost = Array.from({ length: MOST_FAILED_STARTS - 1 }, () => fail);
  const { code, starts } = scene([...almost, { serves: 1, ending: lost }, ...almost, { ending: lost }]);
  await assert.rejects(code, {
    message: new RegExp(
      `^${MOST_FAILED_STARTS} starts in a row came to nothing; the last serving process lost its GPU; .* clip_onnx in place of clip_tensorrt in py_modules ONNX Runtime serves`,
    ),
  });
  assert.equal(starts.length, 2 * MOST_FAILED_STARTS);
});

test('asked to end, it ends the process in order and gives on its code', async () => {
  const stop = new AbortController();
  const calls: string[] = [];
  const code = supervise({
    start: () => {
      let end = (_: Ending) => {};
      const ending = new Promise<Ending>((resolve) => {
        end = resolve;
      });
      setImmediate(() => stop.abort());
      return {
        ended: ending,
        stop: () => {
          calls.push('stop');
          end(ended(0));
        },
        reload() {},
        kill: () => void calls.push('kill'),
      };
    },
    signal: stop.signal,
    stopMs: 60_000,
    log: silentLog,
  });
  assert.deepEqual([await code, calls], [0, ['stop']]);
});

test('a process that does not end when it is asked to is ended', async () => {
  const stop = new AbortController();
  stop.abort();
  const code = supervise({
    start: () => {
      let end = (_: Ending) => {};
      const ending = new Promise<Ending>((resolve) => {
        end = resolve;
      });
      return { ended: ending, stop() {}, reload() {}, kill: () => end({ words: '', cause: 'crashed' }) };
    },
    signal: stop.signal,
    stopMs: 1,
    log: silentLog,
  });
  assert.equal(await code, 1);
});

test('asked to end while nothing serves, it ends at once', async () => {
  const stop = new AbortController();
  const time = { now: () => 0, pause: async () => stop.abort() };
  const { code, starts } = scene([{ serves: 1, ending: lost }], { signal: stop.signal, time });
  assert.equal(await code, 0);
  assert.equal(starts.length, 1);
});
