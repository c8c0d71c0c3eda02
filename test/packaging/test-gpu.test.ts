import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { buildFakes, headersOf } from '../fakes/build.ts';
import { fakeEnvironment, type Knobs } from '../fakes/environment.ts';
import { Budget } from '../gpu/budget.ts';
import { PHASES, type Row } from '../gpu/report.ts';

const COMMAND = resolve(import.meta.dirname, '../../scripts/test-gpu.mjs');
const skip = (await headersOf(10)) === undefined && 'without TensorRT’s headers (npm run headers)';
/** A MiB for each row makes some tens of contexts fill it. */
const GPU: Knobs = { gpuMib: 1100, scratch: 2 ** 20 };

/** Shared, so that the model and its engines are made once. */
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clip-test-gpu-'));
  if (skip) return;
  await cp(await buildFakes(10), join(folder, 'fakes'), { recursive: true });
  // Any library will do.
  const resource = join(folder, 'fakes/libnvinfer_builder_resource_ptx.so.10.16.0');
  await cp(join(folder, 'fakes/libcuda.so.1'), resource);
});
after(() => rm(folder, { recursive: true, force: true }));

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly report: { readonly skipped?: string; readonly rows: readonly Row[]; readonly host: object };
}

async function run(args: readonly string[], variables: NodeJS.ProcessEnv): Promise<Outcome> {
  const path = join(folder, 'report.json');
  const env = {
    ...process.env,
    LD_LIBRARY_PATH: '',
    GPU_QUICK: '1',
    GPU_MINUTES: '20',
    GPU_REPORT: path,
    GPU_MODELS: join(folder, 'models'),
    CLIP_ENGINE_CACHE: join(folder, 'engines'),
    CLIP_SERVER_CACHE: join(folder, 'cache'),
    ...variables,
  };
  const { code, out } = await new Promise<Omit<Outcome, 'report'>>((done) => {
    const child = execFile(process.execPath, [COMMAND, ...args], { env }, (_, stdout, stderr) =>
      done({ code: child.exitCode ?? -1, out: stdout + stderr }),
    );
  });
  return { code, out, report: JSON.parse(await readFile(path, 'utf8').catch(() => '{}')) };
}

/** A host with a GPU, of fakes. */
function runOnFakes(args: readonly string[], knobs: Knobs = {}, variables: NodeJS.ProcessEnv = {}) {
  const fakes = fakeEnvironment(join(folder, 'fakes'), { ...GPU, ...knobs });
  return run(args, { ...fakes, ...variables });
}

const rowsOf = ({ report }: Outcome, outcome: Row['outcome']) =>
  report.rows.filter((row) => row.outcome === outcome);

test('fake: the whole command builds, checks, soaks and measures, and says what it could not do', {
  skip,
}, async () => {
  const outcome = await runOnFakes(['sum']);
  assert.equal(outcome.code, 0, outcome.out);
  assert.deepEqual(rowsOf(outcome, 'failed'), []);
  const done = outcome.report.rows.filter((row) => row.outcome === 'passed' || row.outcome === 'measured');
  assert.deepEqual([...new Set(done.map(({ phase }) => phase))], [...PHASES]);
  const missing = rowsOf(outcome, 'not run').map(({ name, detail }) => `${name}: ${detail}`);
  assert.ok(missing.includes('PyTorch: absent: no sum of PyTorch’s'), missing.join('\n'));
  const [text, image] = done;
  for (const { figures } of [text!, image!]) {
    assert.deepEqual([figures?.recipe, figures?.built], ['original', 'in this run']);
    assert.ok(Number(figures?.mean) > 0.9999 && Number(figures?.layers) > 0, JSON.stringify(figures));
  }
  const named = (words: RegExp) => done.filter(({ name }) => words.test(name));
  assert.equal(named(/loses its GPU by a kernel/).length, 1, outcome.out);
  assert.equal(named(/until the memory is full/).length, 1);
  for (const { figures } of named(/^(engine alone|server), /))
    assert.ok(Number(figures?.best) > 0, JSON.stringify(figures));
  assert.equal(named(/^(engine alone|server), /).length, 5);
  assert.match(outcome.out, /\d+ passed, 0 failed, \d+ not run, \d+ measured, in \d+ s/);
});

test('fake: graphs that are not captured are a failure', { skip }, async () => {
  const outcome = await runOnFakes(['sum', '--only', 'graphs'], { captureFail: 1 });
  assert.equal(outcome.code, 1, outcome.out);
  const failed = rowsOf(outcome, 'failed').map(({ detail }) => detail);
  assert.match(failed[0]!, /\d+ graphs expected, got 0/);
});

test('fake: a process that loses the GPU costs its own rows and not the run', { skip }, async () => {
  const outcome = await runOnFakes(['sum', '--only', 'graphs,kernels'], { sticky: 30 });
  assert.equal(outcome.code, 1, outcome.out);
  const failed = rowsOf(outcome, 'failed');
  assert.ok(failed.length > 0 && failed.every(({ phase }) => phase !== 'build'), JSON.stringify(failed));
  assert.match(failed[0]!.detail!, /700/);
  const phases = new Set(outcome.report.rows.map(({ phase }) => phase));
  assert.deepEqual([...phases], ['build', 'graphs', 'kernels']);
});

test('fake: the soak notices vectors that begin to be others', { skip }, async () => {
  // The start takes some 100 runs.
  const outcome = await runOnFakes(['sum', '--only', 'soak'], { offset: 1e6, offsetAfter: 130 });
  assert.equal(outcome.code, 1, outcome.out);
  const [failed] = rowsOf(outcome, 'failed');
  assert.match(failed!.name, /each vector/);
  assert.match(failed!.detail!, /cosine -?\d\.\d+ \(at least 0\.999\)/);
});

test('fake: a library that gives wrong vectors gets no engine, and nothing is tried without one', {
  skip,
}, async () => {
  const engines = { CLIP_ENGINE_CACHE: join(folder, 'none') };
  const outcome = await runOnFakes(['sum', '--only', 'soak'], { offset: 5000 }, engines);
  assert.equal(outcome.code, 1, outcome.out);
  assert.match(rowsOf(outcome, 'failed')[0]!.detail!, /no plan serves: original: wrong vectors/);
  assert.deepEqual(
    rowsOf(outcome, 'not run').map(({ phase, detail }) => [phase, detail]),
    [['soak', 'no model has engines']],
  );
});

test('fake: what there is no time for is not run, and a run in which nothing passed has not passed', {
  skip,
}, async () => {
  const outcome = await runOnFakes(['sum', 'tiny', '--only', 'kernels'], {}, { GPU_MINUTES: '0.00001' });
  assert.equal(outcome.code, 1, outcome.out);
  assert.deepEqual(
    outcome.report.rows.map(({ phase, model, outcome }) => [phase, model, outcome]),
    [
      ['build', 'sum', 'not run'],
      ['build', 'tiny', 'not run'],
      ['kernels', undefined, 'not run'],
    ],
  );
});

test('without a GPU nothing is tried: exit code 2, with the reason', async () => {
  const { code, out, report } = await run([], { CUDA_VISIBLE_DEVICES: '' });
  assert.equal(code, 2, out);
  assert.match(out, /^skipped: no GPU can be tried here: .*(driver|GPU)/m);
  assert.match(report.skipped!, /^no GPU can be tried here: /);
  assert.deepEqual(report.rows, []);
  assert.ok('verdict' in report.host, 'the doctor’s facts are in the report');
});

test('a model or phase that there is none of is named: exit code 2', async () => {
  const model = await run(['ViT-B-33'], {});
  assert.deepEqual([model.code, /expected models of ViT-B-32, .*, got ViT-B-33/.test(model.out)], [2, true]);
  const phase = await run(['--only', 'graphs,sauna'], {});
  assert.deepEqual([phase.code, /expected phases of build, .*, got sauna/.test(phase.out)], [2, true]);
});

test('what a phase leaves of its time is there for those that follow, and no more', () => {
  const budget = new Budget(10, PHASES, 0);
  const minutes = PHASES.map((phase) => budget.left(phase, 0) / 60_000);
  assert.ok(Math.abs(minutes.at(-1)! - 10) < 1e-9, String(minutes));
  assert.deepEqual(
    minutes,
    minutes.toSorted((a, b) => a - b),
  );
  const some = new Budget(10, ['kernels'], 0);
  assert.deepEqual([some.left('kernels', 0), some.left('build', 0)], [600_000, 0]);
});
