import assert from 'node:assert/strict';
import { cp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { build } from '../../src/cli/build.ts';
import { ConfigError } from '../../src/config/config.ts';
import { buildFakes, headersOf } from '../fakes/build.ts';
import { fakeEnvironment, type Knobs } from '../fakes/environment.ts';
import { emptyFolder } from '../model/folder.ts';
import { testModel } from '../models/test-model.ts';

const skip = (await headersOf(10)) === undefined && 'without TensorRT’s headers (npm run headers)';

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command in this process, with these variables, and ends as `cli` ends it. */
async function run(t: TestContext, args: string[], variables: NodeJS.ProcessEnv = {}): Promise<Result> {
  const before = { ...process.env };
  Object.assign(process.env, { CLIP_SERVER_CACHE: await emptyFolder(t) }, variables);
  const lines: Record<'log' | 'error', string[]> = { log: [], error: [] };
  const stands = (['log', 'error'] as const).map((name) =>
    t.mock.method(console, name, (line: string) => void lines[name].push(line)),
  );
  const result = (code: number): Result => ({ code, out: lines.log.join('\n'), err: lines.error.join('\n') });
  try {
    return result(await build(args));
  } catch (error) {
    lines.error.push((error as Error).message);
    return result(error instanceof ConfigError ? 2 : 1);
  } finally {
    for (const { mock } of stands) mock.restore();
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

/** Variables for a host that has all that TensorRT needs, of fakes. */
async function fakeHost(t: TestContext, knobs: Knobs = {}): Promise<NodeJS.ProcessEnv> {
  const folder = await emptyFolder(t);
  await cp(await buildFakes(10), folder, { recursive: true });
  // Any library will do.
  await cp(join(folder, 'libcuda.so.1'), join(folder, 'libnvinfer_builder_resource.so.10'));
  return fakeEnvironment(folder, knobs);
}

test('fake: both engines of a folder are built, printed as a table, and found the next time', {
  skip,
}, async (t) => {
  const [model, out, host] = [await testModel('sum'), await emptyFolder(t), await fakeHost(t)];
  const first = await run(t, [model, '--max-batch', '3', '--out', out], host);
  assert.deepEqual([first.code, first.err], [0, '']);
  assert.match(
    first.out,
    /^TOWER +RECIPE +SIZE +BUILT IN +COSINE\ntext +original +0\.0 MB +\d+\.\d s +1\.000000 1\.000000 of \d\d\n/,
  );
  assert.match(first.out, /\nimage +original +0\.0 MB +\d+\.\d s +(1\.000000|0\.99\d+) \d\.\d+ of \d\d\n\n/);
  assert.ok(first.out.endsWith(`\n${out}`), first.out);
  const plans = (await readdir(out)).filter((name) => name.endsWith('.plan'));
  assert.equal(plans.length, 2);
  const again = await run(t, [model, '--max-batch', '3', '--out', out], { ...host, FAKE_BUILD_CRASH: '1' });
  assert.deepEqual(again, first);
});

test('fake: a precision that does not pass is refused with its figures, and the exit code is 1', {
  skip,
}, async (t) => {
  const [model, host] = [await testModel('tiny'), await fakeHost(t)];
  const { code, out, err } = await run(t, [model, '--precision', 'fp32', '--max-batch', '1'], host);
  assert.deepEqual([code, out], [1, '']);
  assert.match(
    err,
    /text, engine: no plan serves: fp32: wrong vectors: input 1 \("a photo of a cat"\), alone: cosine /,
  );
});

test('a host that lacks something: one sentence, exit code 1, and nothing is fetched', async (t) => {
  const folder = await emptyFolder(t);
  for (const name of ['libcuda.so.1', 'libnvinfer.so.10', 'libnvinfer.so.11'])
    await writeFile(join(folder, name), 'this is no library\n');
  const { code, out, err } = await run(t, ['ViT-B-32::openai'], { LD_LIBRARY_PATH: folder });
  assert.deepEqual([code, out], [1, '']);
  assert.match(
    err,
    /^no engine can be built here: no driver \(.*\); .*; clip-server doctor says what to install$/,
  );
});

test('what the command line may be', async (t) => {
  for (const [args, words] of [
    [[], /expected one model, got none/],
    [['a', 'b'], /expected one model, got a b/],
    [['ViT-B-32', '--precision', 'int8'], /--precision: expected one of fp16, .*, got int8/],
    [['ViT-B-32', '--max-batch', '0'], /--max-batch: expected a whole number from 1 to 1024, got 0/],
    [['ViT-B-32', '--device', '-'], /--device: expected a whole number from 0 to 1023, got -/],
    [['ViT-B-32', '--fast'], /Unknown option '--fast'.*clip-server build --help shows the usage/],
    [['./nothing-here'], /\.\/nothing-here: expected a model's name or a folder with its files/],
    [['ViT-Z-99'], /ViT-Z-99/],
  ] as const) {
    const { code, err } = await run(t, [...args]);
    assert.equal(code, 2, args.join(' '));
    assert.match(err, words);
  }
  const { code, out } = await run(t, ['--help']);
  assert.equal(code, 0);
  assert.match(out, /^Usage: clip-server build NAME\|DIR/);
});
