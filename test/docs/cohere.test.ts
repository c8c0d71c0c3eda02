import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { testModel } from '../models/test-model.ts';
import { pythonOrSkip } from '../python/environment.ts';
import { serveModel, type TestServer } from '../server/start.ts';

// The examples of docs/cohere.md are run as they stand, but for the address.
const ROOT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const page = readFileSync(join(ROOT, 'docs/cohere.md'), 'utf8');
const MODEL = 'ViT-B-32::openai';
const { python, skip: noPython } = await pythonOrSkip(
  join(ROOT, 'test/cohere/requirements/cohere-7.3.1.txt'),
);

let server: TestServer;
before(async () => {
  server = await serveModel(await testModel('tiny'), { encoder: { name: MODEL } });
});
after(() => server.close());

function example(language: string): string {
  const block = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(page)![1]!;
  return block.replaceAll('localhost:51000', new URL(server.url).host);
}

test('the request by curl is answered with a vector per text, in both types', async () => {
  const { stdout } = await run('bash', ['-c', example('sh')], { env: { ...process.env, CLIP_API_KEY: 'x' } });
  const { embeddings } = JSON.parse(stdout) as { embeddings: { float: number[][]; ubinary: number[][] } };
  for (const vector of embeddings.float)
    assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-6, `a length of ${Math.hypot(...vector)}`);
  const bytes = Math.ceil(embeddings.float[0]!.length / 8);
  assert.deepEqual(
    embeddings.ubinary.map((vector) => vector.length),
    [bytes, bytes],
  );
});

test('the Python example prints a length and a cosine', { skip: noPython, timeout: 60_000 }, async () => {
  const { stdout } = await run(python, ['-c', example('python')]);
  const [length, cosine] = stdout.trim().split(' ').map(Number);
  assert.ok(length! > 1 && Math.abs(cosine!) <= 1, stdout);
});

test('a text too long for the model is cut, and with NONE refused', async () => {
  const embed = (length: number, truncate?: string) => {
    const texts = ['a', 'cat '.repeat(length)];
    return server.post('/v2/embed', { model: MODEL, input_type: 'image', texts, truncate });
  };
  const context = server.server.description.contextLength;
  const vectors = async (...wanted: Parameters<typeof embed>) =>
    (await embed(...wanted)).body.embeddings.float[1];
  assert.deepEqual(await vectors(context), await vectors(context - 2, 'NONE'));
  const { status, body } = await embed(context - 1, 'NONE');
  assert.equal(status, 400);
  assert.equal(body.code, 'text_too_long');
  assert.match(body.message, new RegExp(`^texts\\[1\\]: text: expected at most ${context} tokens`));
});
