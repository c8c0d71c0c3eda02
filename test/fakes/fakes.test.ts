import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { emptyFolder } from '../model/folder.ts';
import { testModel } from '../models/test-model.ts';
import { buildFakes, type Major, noFakes, requireHeaders } from './build.ts';
import { compile, once } from './compile.ts';
import { fakeEnvironment, type Knobs } from './environment.ts';
import { alive, readFakeLog } from './log.ts';

const MAJOR: Major = 10;
const SOURCE = join(import.meta.dirname, 'mistakes.cc');
const skip = process.platform === 'linux' ? noFakes(MAJOR) : 'the fakes are for Linux';
/** Long enough that who does not wait for it is sure to be early. */
const SLOW: Knobs = { enqueueUs: 300_000 };

async function program(): Promise<string> {
  const fakes = await buildFakes(MAJOR);
  const headers = requireHeaders(MAJOR);
  const key = createHash('sha256')
    .update(fakes)
    .update(await readFile(SOURCE));
  const names = ['cuda.so.1', `nvinfer.so.${MAJOR}`, `nvonnxparser.so.${MAJOR}`];
  const link = ['-L', fakes, `-Wl,-rpath,${fakes}`, ...names.map((name) => `-l:lib${name}`)];
  const folder = await once(`mistakes-${key.digest('hex').slice(0, 12)}`, (unfinished) =>
    compile(join(unfinished, 'mistakes'), [SOURCE], [...headers.flags, ...link]),
  );
  return join(folder, 'mistakes');
}

async function make(which: string, knobs: Knobs = {}) {
  const { LD_LIBRARY_PATH: _, ...env } = fakeEnvironment('', knobs);
  const model = join(await testModel('sum'), 'textual.onnx');
  const all = { env: { ...process.env, ...env }, encoding: 'utf8' } as const;
  const { stdout, stderr, signal } = spawnSync(await program(), [which, model], all);
  return { said: stdout.trim(), stderr, signal };
}

// Knobs, what a call answers or a vector's first component, and what the fake blames.
const ANSWERS: readonly (readonly [string, Knobs, string, RegExp])[] = [
  ['none', {}, '0', /^$/],
  ['no upload', {}, '-77', /^$/],
  ['no wait', SLOW, 'nan', /^$/],
  ['freed early', SLOW, '700', /output output of shape \(2,32\) is not within memory/],
  ['pageable', {}, '1', /not pinned/],
  ['deleted early', SLOW, '700', /a context was deleted before its work was done/],
  ['common scratch', SLOW, '700', /two contexts used the same device memory/],
  ['captured at once', {}, '0', /^$/],
  ['allocation in a capture', {}, '900', /^$/],
  ['wait in a capture', {}, '900', /^$/],
];

for (const [which, knobs, said, blamed] of ANSWERS)
  test(`the fakes tell a mistake: ${which}`, { skip }, async () => {
    const result = await make(which, knobs);
    assert.match(result.stderr, blamed);
    assert.match(result.said.replace('-nan', 'nan'), new RegExp(`^${said}$`));
  });

for (const [which, signal, blamed] of [
  ['read on the host', 'SIGSEGV', /^$/],
  ['wrong order', 'SIGABRT', /engine is deleted before what was made from it/],
] as const)
  test(`the fakes end the process for a mistake: ${which}`, { skip }, async () => {
    const result = await make(which);
    assert.match(result.stderr, blamed);
    assert.equal(result.signal, signal);
  });

test('the log of the fakes tells what was made, run and left', { skip }, async (t) => {
  const log = join(await emptyFolder(t), 'log');
  await make('none', { log });
  const events = await readFakeLog(log);
  assert.deepEqual(
    events.map(({ text }) => text).filter((text) => /^(build|run)/.test(text)),
    ['build begins', 'build ends', 'run (2,77)'],
  );
  assert.deepEqual(alive(events), { runtime: 1, engine: 1, context: 1 });
});
