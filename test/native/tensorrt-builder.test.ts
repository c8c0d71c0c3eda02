import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { buildFakes } from '../fakes/build.ts';
import { fakeEnvironment } from '../fakes/environment.ts';
import type { ChildBuild } from './build-child.ts';
import { built, failureOf, inFolder, job, reportOf, runChild, skipWithout } from './build-run.ts';

const skip = (await skipWithout(10)) || (await skipWithout(11));

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

  const foreignTask = { jobs: [await job()], timings: builds[0]!.timingCache! };
  const foreign = reportOf(await runChild(10, foreignTask, { version: 100900 })).builds[0]!;
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

test('a thread of JavaScript may end during a fake build, which goes on to its end', { skip }, () =>
  inFolder(async (folder) => {
    const log = join(folder, 'log');
    const script = `
      const { readFileSync } = require('node:fs');
      const { Worker } = require('node:worker_threads');
      const worker = new Worker(\`
        const { parentPort } = require('node:worker_threads');
        const { load } = require('./build/Release/tensorrt10.node');
        const loaded = load({ infer: 'libnvinfer.so.10', parser: 'libnvonnxparser.so.10' });
        loaded.build(${JSON.stringify(await job())}, () => parentPort.postMessage(0), () => {});
      \`, { eval: true });
      const wait = () => /destroy builder/.test(readFileSync('${log}', 'utf8')) || setTimeout(wait, 20);
      worker.once('message', () => worker.terminate().then(wait));
    `;
    const knobs = { log, buildSteps: 40, stepMs: 10 };
    const env = { ...process.env, ...fakeEnvironment(await buildFakes(10), knobs) };
    const options = { cwd: resolve(import.meta.dirname, '../..'), env, timeout: 60_000 };
    await promisify(execFile)(process.execPath, ['-e', script], options);
  }),
);
