import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BuildJob } from '../../src/native/tensorrt.ts';
import { buildFakes, type Major } from '../fakes/build.ts';
import type { Knobs } from '../fakes/environment.ts';
import { testModel } from '../models/test-model.ts';
import type { ChildBuild } from './build-child.ts';
import { type ChildRun, job, runChild, skipWithout } from './build-run.ts';

const skip = (await skipWithout(10)) || (await skipWithout(11));

function reportOf({ report, stderr }: ChildRun) {
  assert.ok(report, `the process fell over: ${stderr}`);
  return report;
}

/** The only build of a process. */
async function built(changes: Partial<BuildJob> = {}, knobs: Knobs = {}, major: Major = 10) {
  const report = reportOf(await runChild(major, { jobs: [await job(changes)] }, knobs));
  return report.builds[0]!;
}

async function refused(knobs: Knobs, libraries: { infer?: string; parser?: string } = {}, major: Major = 10) {
  const report = reportOf(await runChild(major, { libraries: { major, ...libraries } }, knobs));
  assert.ok(report.error, 'the library was opened');
  return report.error;
}

function failureOf({ error, late }: ChildBuild) {
  assert.ok(error, 'the build came to an end');
  assert.equal(late, false, 'a hook was called after the promise was settled');
  return error;
}

async function inFolder(work: (folder: string) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'clip-builder-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

for (const [major, version] of [
  [10, 101501],
  [11, 110203],
] as const)
  test(
    `the fake TensorRT ${major} builds a plan, says what it does and keeps nothing`,
    {
      skip,
    },
    () =>
      inFolder(async (folder) => {
        const log = join(folder, 'log');
        const task = { jobs: [await job()] };
        const { opened, builds } = reportOf(
          await runChild(major, task, { log, version, build: 29, gpus: 2, buildSteps: 4 }),
        );
        const text = major === 10 ? '10.15.1.29' : '11.2.3.29';
        assert.equal(opened?.version, text);
        assert.match(opened.headers, new RegExp(`^${major}\\.\\d+\\.\\d+\\.\\d+$`));
        assert.deepEqual(opened.devices[1], {
          name: 'Fake GPU',
          computeCapability: '8.9',
          multiprocessors: 16,
          memoryBytes: 2 ** 30,
          uuid: '00010203-0405-0607-0809-0a0b0c0d0e01',
          driverVersion: 12040,
        });
        const [{ plan, layers, timingCache, progress, error, late }] = builds as [ChildBuild];
        assert.equal(error, undefined);
        assert.deepEqual(
          plan?.head.slice(24),
          text.split('.').map(Number),
          "the plan has the library's version",
        );
        assert.ok(plan.bytes > 100, `the plan has ${plan.bytes} bytes`);
        assert.ok(timingCache!.length > 0, 'there is no timing cache');
        assert.ok(JSON.parse(layers!).Bindings.includes('input_ids'), layers);
        assert.deepEqual(progress[0], ['Building engine', 0, 1]);
        assert.equal(late, false, 'a hook was called after the promise was settled');
        const made = (await readFile(log, 'utf8')).match(/(create|destroy) .+/g)!;
        const count = (verb: string) => made.filter((line) => line.startsWith(verb)).length;
        assert.ok(count('create') >= 9, `only ${made} were made`);
        assert.equal(count('create'), count('destroy'), `not all is given back: ${made.join(', ')}`);
      }),
  );

test('a fake build names the open phases, outermost first, and counts the steps of the innermost', {
  skip,
}, async () => {
  const { progress } = await built({}, { buildSteps: 6, stepMs: 110 });
  const inner = progress.filter(([phase]) => phase === 'Building engine > Timing graph nodes');
  // The last may be one of the outer phase; some may be skipped on a machine that is busy.
  assert.ok(inner.length >= 2, JSON.stringify(progress));
  const done = inner.map(([, steps]) => steps);
  assert.deepEqual(
    done,
    done.toSorted((a, b) => a - b),
  );
  assert.ok(
    inner.every(([, steps, total]) => steps <= 6 && total === 6),
    JSON.stringify(inner),
  );
});

test('progress of a quick fake build is told at most ten times a second', { skip }, async () => {
  const { progress } = await built({}, { buildSteps: 1000 });
  assert.ok(progress.length < 100, `${progress.length} calls for 1000 steps`);
});

test('a fake build starts from the timings of the one before it, and says where they do not fit', {
  skip,
}, async () => {
  const timed = { jobs: [await job(), await job()], keepTimings: true };
  const { builds } = reportOf(await runChild(10, timed));
  assert.notDeepEqual(builds[1]!.timingCache, builds[0]!.timingCache, 'the cache counts its builds');
  assert.deepEqual(builds[1]!.messages, []);

  const foreign = await built({ timingCache: Uint8Array.from(builds[0]!.timingCache!) }, { version: 100900 });
  assert.ok(foreign.plan, foreign.error?.message);
  assert.ok(
    foreign.messages.includes(
      'warning: the timing cache does not fit this library and device; all is timed anew',
    ),
    JSON.stringify(foreign.messages),
  );
});

test('a fake build that is cancelled ends at its next step', { skip }, async () => {
  const task = { jobs: [await job()], abort: 'step' } as const;
  const { builds } = reportOf(await runChild(10, task, { buildSteps: 10_000, stepMs: 20 }));
  const { code, message } = failureOf(builds[0]!);
  assert.equal(code, 'cancelled');
  assert.match(message, /^the build of .+textual\.onnx was cancelled$/);
});

test('a fake build does not begin once its signal is aborted', { skip }, () =>
  inFolder(async (folder) => {
    const log = join(folder, 'log');
    await writeFile(log, '');
    const { builds } = reportOf(await runChild(10, { jobs: [await job()], abort: 'before' }, { log }));
    assert.equal(failureOf(builds[0]!).code, 'cancelled');
    assert.doesNotMatch(await readFile(log, 'utf8'), /create/);
  }),
);

test('of two fake builds on a device one waits, and need not begin', { skip }, () =>
  inFolder(async (folder) => {
    const log = join(folder, 'log');
    const jobs = [await job(), await job(), await job()];
    const { builds } = reportOf(
      await runChild(10, { jobs, together: true, abort: 'asked' }, { log, stepMs: 20 }),
    );
    assert.ok(builds[0]!.plan && builds[1]!.plan, 'the first two are built');
    assert.equal(failureOf(builds[2]!).code, 'cancelled');
    const order = (await readFile(log, 'utf8')).match(/build (begins|ends)/g);
    assert.deepEqual(order, ['build begins', 'build ends', 'build begins', 'build ends']);
  }),
);

test('fake builds on two devices go on beside each other', { skip }, () =>
  inFolder(async (folder) => {
    const log = join(folder, 'log');
    const jobs = [await job(), await job({ device: 1 })];
    const { builds } = reportOf(
      await runChild(10, { jobs, together: true }, { log, gpus: 2, buildSteps: 1, stepMs: 1500 }),
    );
    assert.ok(builds[0]!.plan && builds[1]!.plan, 'both are built');
    const order = (await readFile(log, 'utf8')).match(/build (begins|ends)/g);
    assert.deepEqual(order, ['build begins', 'build begins', 'build ends', 'build ends']);
  }),
);

test("a node that the fake parser does not take is named, with the parser's words, once", {
  skip,
}, async () => {
  const { code, message } = failureOf(await built({}, { parseFail: 1 }));
  assert.equal(code, 'failed');
  assert.match(
    message,
    /^TensorRT's parser does not take .+textual\.onnx: node \d+ ".+" \((\w+)\): unsupported node: No importer registered for op: \1$/,
  );
});

test(
  'a file that is not there, one that is no ONNX and missing external data are told apart by the fake',
  {
    skip,
  },
  () =>
    inFolder(async (folder) => {
      const missing = failureOf(await built({ path: join(folder, 'none.onnx') }));
      assert.match(missing.message, /none\.onnx: not readable as ONNX: Could not open file .+none\.onnx/);

      const path = join(folder, 'broken.onnx');
      await writeFile(path, Buffer.from([0x3a, 0xff, 0xff, 0x03, 1, 2, 3]));
      const broken = failureOf(await built({ path }));
      assert.equal(broken.code, 'failed');
      assert.match(broken.message, /does not take .+broken\.onnx: not readable as ONNX: /);

      const model = join(await testModel('tiny', { external: true }), 'textual.onnx');
      await cp(model, join(folder, 'textual.onnx'));
      const external = failureOf(await built({ path: join(folder, 'textual.onnx') }));
      assert.match(external.message, /Failed to open file: .+textual\.onnx\.data/);
      await symlink(`${model}.data`, join(folder, 'textual.onnx.data'));
      assert.ok((await built({ path: join(folder, 'textual.onnx') })).plan, 'it is found from its folder');
    }),
);

test('profiles that do not fit the inputs fail before the fake library works on them', {
  skip,
}, async () => {
  const range = { min: [1, 77], opt: [8, 77], max: [16, 77] };
  const none = failureOf(await built({ profiles: [] }));
  assert.match(none.message, /input input_ids \[-1, 77\] is dynamic, and a profile gives no shapes for it$/);
  const other = failureOf(await built({ profiles: [{ input_ids: range, mask: range }] }));
  assert.match(other.message, /a profile gives shapes for mask, which is no input of it$/);
  const wrong = failureOf(await built({ profiles: [{ input_ids: { ...range, min: [1, 16] } }] }));
  assert.equal(wrong.code, 'failed');
  assert.match(
    wrong.message,
    /^TensorRT gives no plan: .*input_ids of shape \(-1,77\) has no valid dimensions/,
  );
});

test('the fake device lacking memory is a fault of its own, with the layer', { skip }, async () => {
  const { code, message } = failureOf(await built({}, { buildOom: 2 }));
  assert.equal(code, 'memory');
  assert.match(
    message,
    /^TensorRT gives no plan: .*Could not find any implementation for node .*workspace\.$/,
  );
  const loading = failureOf(await built({}, { gpuMib: 0 }));
  assert.equal(loading.code, 'memory', loading.message);
});

test('the fake library giving no builder, plan or runtime is said with its words, or that it has none', {
  skip,
}, async () => {
  const builder = failureOf(await built({}, { builderNull: 1 }));
  assert.equal(builder.code, 'unsupported');
  assert.match(
    builder.message,
    /^TensorRT gives no builder: createInferBuilder: Error Code 6: .*error: 35\. Please check your CUDA/,
  );
  const plan = failureOf(await built({}, { planNull: 1 }));
  assert.deepEqual(plan, { code: 'failed', message: 'TensorRT gives no plan, and TensorRT gives no reason' });
  // 0x238, which is no object.
  const runtime = failureOf(await built({}, { runtimeNull: 1 }));
  assert.equal(runtime.code, 'unsupported');
  assert.match(runtime.message, /^TensorRT gives no runtime: createInferRuntime: Error Code 6/);
});

test('a fake device that is lost in a build is sticky, with what both library and driver say', {
  skip,
}, async () => {
  const { code, message } = failureOf(await built({}, { buildSticky: 2 }));
  assert.equal(code, 'sticky');
  assert.match(
    message,
    /^TensorRT gives no plan: .*illegal memory access.*; CUDA error 700, CUDA_ERROR_ILLEGAL/,
  );
});

test('a fake library that aborts takes its process along, and nothing else', { skip }, async () => {
  const { report, signal } = await runChild(10, { jobs: [await job()] }, { buildCrash: 2 });
  assert.deepEqual([report, signal], [undefined, 'SIGABRT']);
});

test('without its parser a fake library is opened, and builds say what is missing', { skip }, async () => {
  const task = { libraries: { major: 10, parser: 'libnone.so.10' }, jobs: [await job()] } as const;
  const { opened, builds } = reportOf(await runChild(10, task));
  assert.ok(opened, 'it is opened');
  const { code, message } = failureOf(builds[0]!);
  assert.equal(code, 'unsupported');
  assert.match(
    message,
    /^without TensorRT's ONNX parser plans can be run, not built: .*libnone\.so\.10: cannot open shared object file/,
  );
});

test('fake libraries whose interfaces are others than those of the headers are refused by their version', {
  skip,
}, async () => {
  const found = async (version: number) => (await refused({ version })).message;
  assert.equal(await found(100200), 'libnvinfer.so.10 is TensorRT 10.2.0.72: 10.3 or newer is needed');
  assert.match(
    await found(100800),
    /is TensorRT 10\.8\.0\.72, whose network interface differs from all of 10\.x/,
  );
  assert.match(await found(8603), /is TensorRT 8\.6\.3, and this module is for TensorRT 10$/);
  const infer = join(await buildFakes(11), 'libnvinfer.so.11');
  const foreign = await refused({}, { infer });
  assert.equal(foreign.code, 'unsupported');
  assert.match(
    foreign.message,
    /libnvinfer\.so\.11 is TensorRT 11\.\d+\.\d+, and this module is for TensorRT 10$/,
  );
  const other = await refused({}, { infer: 'libcuda.so.1' });
  assert.equal(other.message, "libcuda.so.1 is not TensorRT's: it has no getInferLibVersion");
});

test('a fake library of the oldest version that is called builds with the newest headers', {
  skip,
}, async () => {
  const { plan, error } = await built({}, { version: 100300 });
  assert.ok(plan, error?.message);
});

test('without a driver, device or library nothing of the fake TensorRT is called', { skip }, async () => {
  const none = await refused({ gpus: 0 });
  assert.equal(none.code, 'unsupported');
  assert.match(none.message, /CUDA_ERROR_NO_DEVICE/);
  const broken = await refused({ cuinit: 999 });
  assert.match(broken.message, /^cuInit: CUDA error 999, CUDA_ERROR_UNKNOWN: unknown error$/);
  const library = await refused({}, { infer: 'libnone.so.10' });
  assert.match(library.message, /^TensorRT does not load: libnone\.so\.10: cannot open shared object file/);
  assert.equal(library.code, 'unsupported');
});

test('a device that is not there is said before a fake build begins', { skip }, async () => {
  const { code, message } = failureOf(await built({ device: 3 }));
  assert.equal(code, 'unsupported');
  assert.match(message, /CUDA_ERROR_INVALID_DEVICE/);
});
