import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { emptyFolder } from './folder.ts';

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command in a process of its own, offline, with an empty cache unless told. */
async function run(
  t: TestContext,
  command: 'models' | 'pull',
  args: string[],
  cache?: string,
): Promise<Result> {
  const CLIP_SERVER_CACHE = cache ?? (await emptyFolder(t));
  const file = join(import.meta.dirname, `../../src/cli/${command}.ts`);
  const script = `import(${JSON.stringify(file)}).then(async (m) => { process.exitCode = await m.${command}(${JSON.stringify(args)}); });`;
  const env = { ...process.env, CLIP_SERVER_CACHE, CLIP_SERVER_OFFLINE: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', '-e', script], { env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

test('models --json tells name, width, resolution, size and what is cached', async (t) => {
  const cache = await emptyFolder(t);
  for (const file of ['ViT-B-32/visual.onnx', 'RN50/visual.onnx', 'RN50/textual.onnx']) {
    await mkdir(join(cache, file, '..'), { recursive: true });
    await writeFile(join(cache, file), 'x');
  }
  const { code, stdout } = await run(t, 'models', ['--json'], cache);
  assert.equal(code, 0);
  const rows = JSON.parse(stdout) as { name: string; cached: string }[];
  const row = (name: string) => rows.find((item) => item.name === name);
  assert.equal(rows.length, 25);
  assert.deepEqual(row('ViT-B-32::openai'), {
    name: 'ViT-B-32::openai',
    aliases: ['ViT-B/32', 'openai/clip-vit-base-patch32'],
    width: 512,
    resolution: 224,
    bytes: 605e6,
    cached: 'partly',
  });
  assert.equal(row('RN50::openai')?.cached, 'unverified');
  assert.equal(row('RN101::openai')?.cached, 'no');
  assert.equal(row('ViT-g-14::laion2b-s12b-b42k')?.cached, 'packed');
});

test('models prints a table; an unknown argument is exit code 2', async (t) => {
  const table = await run(t, 'models', []);
  assert.equal(table.code, 0);
  assert.match(
    table.stdout,
    /^NAME +WIDTH +PIXELS +SIZE +CACHED +ALSO CALLED\nRN50::openai +1024 +224 +409\.0 MB +no +RN50\n/,
  );
  const unknown = await run(t, 'models', ['--yaml']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /Usage: clip-server models/);
});

test('pull: 2 without a name or with an unknown one, 1 where files cannot be had', async (t) => {
  assert.equal((await run(t, 'pull', [])).code, 2);
  const unknown = await run(t, 'pull', ['RN50', 'RN51']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /RN51 is not in the catalogue; did you mean RN50::openai/);
  const offline = await run(t, 'pull', ['RN50']);
  assert.equal(offline.code, 1);
  assert.match(offline.stderr, /RN50::openai textual\.onnx is not in the cache, and the server is offline/);
});
