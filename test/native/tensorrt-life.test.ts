import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { type Major, noFakes } from '../fakes/build.ts';
import type { Sanitizer } from '../fakes/compile.ts';
import { fakeEnvironment, type Knobs } from '../fakes/environment.ts';
import { buildLife } from '../fakes/life/build.ts';
import { testModel } from '../models/test-model.ts';

/** FAKE_CYCLES=10000 is the run that a release has behind it, with both majors under both sanitizers. */
const LONG = Number(process.env.FAKE_CYCLES ?? 0);
const CYCLES = LONG || 200;
const LONGEST_MS = LONG ? 3_600_000 : 600_000;
const KINDS: readonly (readonly [Major, Sanitizer])[] = [
  [10, 'address,undefined'],
  [11, 'thread'],
  ...(LONG
    ? ([
        [10, 'thread'],
        [11, 'address,undefined'],
      ] as const)
    : []),
];
const OPTIONS = {
  ASAN_OPTIONS: 'detect_leaks=1:detect_stack_use_after_return=1',
  UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1',
};

const run = promisify(execFile);

/** Fails with what the program, a sanitizer or a fake says. */
async function live(t: TestContext, program: string, mode: string, knobs: Knobs = {}) {
  const model = join(await testModel('sum', { columns: 'dynamic' }), 'textual.onnx');
  const { LD_LIBRARY_PATH: _, ...faults } = fakeEnvironment('', knobs);
  // What is left to the end of a process whose device is lost is no leak.
  const leaks = mode === 'lost' ? { ASAN_OPTIONS: 'detect_leaks=0' } : {};
  const env = { ...process.env, ...OPTIONS, ...leaks, ...faults };
  const limits = { env, timeout: LONGEST_MS, signal: t.signal };
  const { stdout, stderr } = await run(program, [mode, model, String(CYCLES)], limits);
  assert.deepEqual([stdout, stderr], [`done ${mode}\n`, '']);
}

const TESTS: readonly (readonly [name: string, mode: string, knobs?: Knobs])[] = [
  [`${CYCLES} lives on four threads give everything back, and every vector is right`, 'cycles'],
  ['a life that lacks memory at any of its steps says so, and gives everything back', 'scarce'],
  ['a device that is lost to an error ends every run, and no life waits for it', 'lost', { sticky: 7 }],
  ['a device that hangs ends every run, and no life waits for it', 'lost', { hang: 9 }],
];

// Together, for compiling takes longer than all else.
test('fake TensorRT', { concurrency: true, timeout: LONGEST_MS }, async (t) => {
  const all = KINDS.map(([major, sanitizer]) => {
    const skip = process.platform === 'linux' ? noFakes(major) : 'the modules are for Linux';
    return t.test(`fake TensorRT ${major} with -fsanitize=${sanitizer}`, { skip }, async (t) => {
      const program = await buildLife(major, sanitizer);
      for (const [name, mode, knobs] of TESTS) await t.test(name, (t) => live(t, program, mode, knobs));
    });
  });
  await Promise.all(all);
});
