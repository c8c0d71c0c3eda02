import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { testModel } from '../models/test-model.ts';
import { serveModel, type TestServer } from './start.ts';

/** From one word to more than fit, some that begin alike, and end tokens in the text itself. */
const TEXTS = [
  '.',
  'cat',
  'a photo of a cat',
  'a photo of a dog',
  'a <|endoftext|> in the middle of a sentence',
  ...Array.from({ length: 40 }, (_, i) => `${i} ${'one two three four five '.repeat(i / 2)}`),
];

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clip-rewriting-'));
  const model = await testModel('tiny');
  for (const name of ['textual.onnx', 'visual.onnx']) await copyFile(join(model, name), join(folder, name));
});
after(() => rm(folder, { recursive: true }));

async function served<T>(rewrite: string, use: (server: TestServer) => Promise<T>): Promise<T> {
  const server = await serveModel(folder, { encoder: { rewrite } });
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}

async function vectors({ post }: TestServer): Promise<number[][]> {
  const { body } = await post('/post', { data: TEXTS.map((text) => ({ text })), execEndpoint: '/' });
  return body.data.map(({ embedding }: { embedding: number[] }) => embedding);
}

const graphs = async ({ url }: TestServer) =>
  [...(await (await fetch(`${url}/metrics`)).text()).matchAll(/^clip_graph_info\{(.*)\} 1$/gm)].map(
    ([, labels]) => labels,
  );

test('a server gives a text the same vector by the rewritten graph as by the file’s own', async () => {
  const [own, ownGraphs] = await served(
    'off',
    async (server) => [await vectors(server), await graphs(server)] as const,
  );
  assert.deepEqual(ownGraphs, [
    'tower="text",served="original",reason="off"',
    'tower="image",served="original",reason="off"',
  ]);
  assert.ok(!(await readdir(folder)).some((name) => name.startsWith('.')));
  for (let start = 0; start < 2; start++) {
    const rewritten = await served('auto', async (server) => {
      assert.equal((await graphs(server))[0], 'tower="text",served="rewritten",reason="proved"');
      return vectors(server);
    });
    assert.equal(rewritten.length, own.length);
    for (const [i, vector] of own.entries()) {
      const largest = Math.max(...vector.map(Math.abs));
      for (const [j, x] of vector.entries())
        assert.ok(
          Math.abs(rewritten[i]![j]! - x) <= 1e-5 * largest,
          `text ${i}: ${rewritten[i]![j]} for ${x}`,
        );
    }
  }
});
