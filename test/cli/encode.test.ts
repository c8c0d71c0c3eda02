import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { readForm } from '../../src/service/form.ts';
import { shape } from '../../src/service/shape.ts';
import { openRig, type Rig } from '../client/rig.ts';
import { vectorOf } from '../protocol/fake-service.ts';

const CLI = new URL('../../dist/cli/launch.cjs', import.meta.url).pathname;
const vector = (value: string) => Array.from(vectorOf({ kind: 'text', text: value }));

async function run(args: string[], stdin = '', variables: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [CLI, 'encode', ...args], { env: { ...process.env, ...variables } });
  child.stdin.end(stdin);
  const ended = once(child, 'exit');
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, out, err };
}

async function inFolder(use: (folder: string, rig: Rig, server: string[]) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'clip-encode-'));
  const rig = await openRig();
  try {
    await use(folder, rig, ['--server', rig.url('grpc')]);
  } finally {
    await rig[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  }
}

/** Rows of a `.npy` file, float32 [N, D]. */
async function readNpy(path: string): Promise<number[][]> {
  const bytes = await readFile(path);
  assert.equal(bytes.toString('latin1', 0, 8), '\x93NUMPY\x01\x00');
  const start = 10 + bytes.readUInt16LE(8);
  assert.equal(start % 64, 0);
  const header = /'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\)/.exec(
    bytes.toString('latin1', 10, start),
  );
  const [rows, width] = header!.slice(1).map(Number) as [number, number];
  assert.equal(bytes.length, start + rows * width * 4);
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: width }, (_, i) => bytes.readFloatLE(start + (row * width + i) * 4)),
  );
}

const lines = (content: string) =>
  content
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('an API key comes from the environment or the command line, and is not told', async () => {
  const key = 'sk-of-the-command-line';
  await using rig = await openRig([key]);
  const server = ['--server', rig.url('grpc')];
  for (const { code, out } of [
    await run(server, 'a\n', { CLIP_API_KEY: key }),
    await run([...server, '--api-key', key], 'a\n', { CLIP_API_KEY: 'another' }),
  ])
    assert.deepEqual([code, lines(out)[0].vector], [0, vector('a')]);
  const refused = await run(server, 'a\n', { CLIP_API_KEY: 'sk-of-somebody-else' });
  assert.equal(refused.code, 1);
  assert.match(refused.err, /expected an API key of this server, got another \(unauthorized\)/);
  assert.ok(!refused.err.includes('somebody'), refused.err);
});

test('lines of standard input become JSON lines', () =>
  inFolder(async (_folder, _rig, server) => {
    const { code, out } = await run(server, 'a red apple\r\nzwei\n');
    assert.equal(code, 0);
    assert.deepEqual(lines(out), [
      { index: 0, text: 'a red apple', vector: vector('a red apple') },
      { index: 1, text: 'zwei', vector: vector('zwei') },
    ]);
  }));

test('a .npy has a row per line; a fault stops it, and --resume goes on from there', () =>
  inFolder(async (folder, rig, server) => {
    const [input, out] = [join(folder, 'texts.txt'), join(folder, 'v.npy')];
    const texts = Array.from({ length: 100 }, (_, i) => `text ${i}`);
    await writeFile(input, texts.join('\n'));
    // The probe is the first request; the third batch of ten fails for good.
    rig.service.refusal = undefined;
    let calls = 0;
    rig.service.work = async () => {
      calls += 1;
      if (calls > 3) throw new Error('broken');
    };
    const args = [...server, '--batch-size', '10', '--concurrency', '1', '--out', out];
    const first = await run([...args, input]);
    assert.equal(first.code, 1, first.err);
    assert.match(first.err, /--resume/);
    assert.ok(!existsSync(out));
    rig.service.work = async () => {};
    assert.equal((await run([...args, input])).code, 2, 'an unfinished run is in the way');
    const other = join(folder, 'other.txt');
    await writeFile(other, texts.map((line) => `${line}!`).join('\n'));
    const mixed = await run([...args, '--resume', other]);
    assert.equal(mixed.code, 2);
    assert.match(mixed.err, /first 20 items differ/);
    rig.service.seen.length = 0;
    const second = await run([...args, '--resume', input]);
    assert.equal(second.code, 0, second.err);
    assert.equal(rig.service.seen.length, 1 + 80, 'what was done is not done again');
    assert.deepEqual(await readNpy(out), texts.map(vector));
    assert.ok(!existsSync(`${out}.part`) && !existsSync(`${out}.part.json`));
  }));

for (const [options, descr, width, expected] of [
  [['--type', 'int8'], '|i1', 4, { embedding_type: 'int8' }],
  [['--type', 'ubinary', '--dimensions', '3'], '|u1', 1, { embedding_type: 'ubinary', dimensions: 3 }],
  [['--type', 'float16', '--normalize'], '<f2', 4, { embedding_type: 'float16', normalize: true }],
  [['--dimensions', '2'], '<f4', 2, { dimensions: 2 }],
] as const)
  test(`${options.join(' ')} writes NumPy's ${descr}`, () =>
    inFolder(async (folder, _rig, server) => {
      const out = join(folder, 'v.npy');
      const { code, err } = await run([...server, ...options, '--out', out], 'a\nbb\n');
      assert.equal(code, 0, err);
      const bytes = await readFile(out);
      const start = 10 + bytes.readUInt16LE(8);
      const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (2, ${width}), }`;
      assert.equal(bytes.toString('latin1', 10, start).trim(), header);
      const form = readForm(expected, { model: 'm', width: 4 });
      const rows = ['a', 'bb'].map((value) => shape(vectorOf({ kind: 'text', text: value }), form).data);
      assert.deepEqual(bytes.subarray(start), Buffer.concat(rows.map((row) => new Uint8Array(row.buffer))));
    }));

test('an unfinished run goes on in its own form only', () =>
  inFolder(async (folder, rig, server) => {
    const [input, out] = [join(folder, 'texts.txt'), join(folder, 'v.npy')];
    await writeFile(input, Array.from({ length: 30 }, (_, i) => `text ${i}`).join('\n'));
    let calls = 0;
    rig.service.work = async () => {
      calls += 1;
      if (calls > 4) throw new Error('broken');
    };
    const args = [...server, '--batch-size', '10', '--concurrency', '1', '--out', out];
    assert.equal((await run([...args, '--type', 'int8', input])).code, 1);
    rig.service.work = async () => {};
    const other = await run([...args, '--resume', input]);
    assert.equal(other.code, 2);
    assert.match(other.err, /the unfinished run is of texts, int8, this one of texts/);
    const same = await run([...args, '--type', 'int8', '--resume', input]);
    assert.equal(same.code, 0, same.err);
    assert.equal((await readFile(out)).length, 128 + 30 * 4);
  }));

test('--skip-errors notes what failed and which row is of which line', () =>
  inFolder(async (folder, _rig, server) => {
    const out = join(folder, 'v.npy');
    const input = 'a\nfail:invalid_image\n\nd\n';
    const strict = await run(server, input);
    assert.equal(strict.code, 1);
    assert.match(strict.err, /line 2 of standard input: .*invalid_image/);
    const { code, err } = await run([...server, '--out', out, '--skip-errors'], input);
    assert.equal(code, 0, err);
    assert.deepEqual(await readNpy(out), [vector('a'), vector('d')]);
    assert.deepEqual(lines(await readFile(`${out}.index.jsonl`, 'utf8')), [
      { row: 0, index: 0, text: 'a' },
      { row: 1, index: 3, text: 'd' },
    ]);
    const errors = lines(await readFile(`${out}.errors.jsonl`, 'utf8'));
    assert.deepEqual(
      errors.map(({ index, code }) => [index, code]),
      [
        [1, 'invalid_image'],
        [2, 'invalid_input'],
      ],
    );
  }));

test('--images sends files, and those in folders', () =>
  inFolder(async (folder, rig, server) => {
    await mkdir(join(folder, 'in/deep'), { recursive: true });
    await writeFile(join(folder, 'in/b.JPG'), 'bb');
    await writeFile(join(folder, 'in/deep/a.png'), 'aaa');
    await writeFile(join(folder, 'in/notes.txt'), 'no');
    const { code, out } = await run([...server, '--images', join(folder, 'in')]);
    assert.equal(code, 0);
    assert.deepEqual(
      lines(out).map(({ file, vector }) => [file, vector[0]]),
      [
        [join(folder, 'in/b.JPG'), 2.5],
        [join(folder, 'in/deep/a.png'), 3.5],
      ],
    );
    assert.ok(rig.service.seen.every(({ kind }) => kind === 'image'));
  }));

test('SIGINT leaves what --resume finishes', () =>
  inFolder(async (folder, rig, server) => {
    const out = join(folder, 'v.jsonl');
    const texts = Array.from({ length: 50 }, (_, i) => `text ${i}`);
    const input = join(folder, 'texts.txt');
    await writeFile(input, texts.join('\n'));
    const args = ['--batch-size', '5', '--concurrency', '1', '--out', out, ...server];
    const child = spawn(process.execPath, [CLI, 'encode', ...args, input]);
    let calls = 0;
    rig.service.work = async ({ signal }) => {
      calls += 1;
      if (calls < 4) return;
      child.kill('SIGINT');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    const [code] = await once(child, 'exit');
    assert.equal(code, 1);
    rig.service.work = async () => {};
    assert.equal((await run([...args, '--resume', input])).code, 0);
    const rows = lines(await readFile(out, 'utf8'));
    assert.deepEqual(
      rows,
      texts.map((value, index) => ({ index, text: value, vector: vector(value) })),
    );
  }));

test('faults of the command line and the input end with 2', () =>
  inFolder(async (folder, _rig, server) => {
    const latin = join(folder, 'latin1.txt');
    await writeFile(latin, Buffer.from('caf\xe9\n', 'latin1'));
    for (const [args, message] of [
      [['--nonsense'], /--nonsense/],
      [['--batch-size', '0'], /--batch-size/],
      [['--type', 'int4'], /--type: expected one of float32, .*, got int4/],
      [['--dimensions', '0'], /--dimensions: expected a whole number/],
      [['--server', 'other://x'], /expected one of grpc/],
      [['--resume'], /--out/],
      [[...server, join(folder, 'missing.txt')], /missing\.txt/],
      [[...server, latin], /expected UTF-8/],
    ] as const) {
      const { code, err } = await run([...args]);
      assert.equal(code, 2, err);
      assert.match(err, message);
    }
  }));
