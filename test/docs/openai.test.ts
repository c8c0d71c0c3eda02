import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { testModel } from '../models/test-model.ts';
import { pythonOrSkip } from '../python/environment.ts';
import { serveModel, type TestServer } from '../server/start.ts';

// The examples of docs/openai.md are run as they stand, but for the address.
const ROOT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const page = readFileSync(join(ROOT, 'docs/openai.md'), 'utf8');
const KEY = 'the key, or anything where none is asked for';
const { python, skip: noPython } = await pythonOrSkip(
  join(ROOT, 'test/openai/requirements/openai-3.54.0.txt'),
);

let server: TestServer;
let folder: string;
before(async () => {
  server = await serveModel(await testModel('tiny'), { encoder: { name: 'ViT-B-32::openai' } });
  folder = await mkdtemp(join(tmpdir(), 'clip-openai-'));
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

function example(language: string): string {
  const block = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(page)![1]!;
  assert.ok(language === 'sh' || block.includes(KEY), 'the key of the example is another');
  return block.replaceAll('localhost:51000', new URL(server.url).host);
}

test('the request by curl is answered with a vector per item', async () => {
  const { stdout } = await run('bash', ['-c', example('sh')], { env: { ...process.env, CLIP_API_KEY: 'x' } });
  const { data } = JSON.parse(stdout) as { data: { embedding: number[] }[] };
  assert.equal(data.length, 2);
  for (const { embedding } of data) assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-6, stdout);
});

test('the Python example prints a length and a cosine', { skip: noPython }, async () => {
  const { stdout } = await run(python, ['-c', example('python')]);
  const [length, cosine] = stdout.trim().split(' ').map(Number);
  assert.ok(length! > 1 && Math.abs(cosine!) <= 1, stdout);
});

test('the TypeScript example prints a length and the tokens', async () => {
  const file = join(folder, 'example.mts');
  await writeFile(file, example('ts').replace("'openai'", `'${import.meta.resolve('openai')}'`));
  const tsx = import.meta.resolve('tsx');
  const { stdout } = await run(process.execPath, ['--import', tsx, file]);
  const [length, tokens] = stdout.trim().split(' ').map(Number);
  assert.ok(length! > 1, stdout);
  assert.equal(tokens, 9);
});
