import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createClipTokenizer } from '../../src/preprocess/text/clip-tokenizer.ts';
import { testModel } from '../models/test-model.ts';
import { goldenTexts, KNOWN_TEXTS } from '../preprocess/text/golden-texts.ts';
import { serveModel, type TestServer } from './start.ts';

// The echo model gives the ids that entered the engine as the vector.
let server: TestServer;
before(async () => {
  server = await serveModel(await testModel('echo-text'));
});
after(() => server.close());

async function idsOf(texts: string[]): Promise<number[][]> {
  const { status, body } = await server.post('/encode', { data: texts.map((text) => ({ text })) });
  assert.equal(status, 200);
  return body.data.map((doc: { embedding: number[] }) => doc.embedding.slice(0, 77));
}

/** What must enter the engine: the ids between start and end token, cut to 77 with the end token kept, then zeros. */
function rowOf(ids: readonly number[]): number[] {
  const row = [49406, ...ids.slice(0, 75), 49407];
  return [...row, ...Array(77 - row.length).fill(0)];
}

async function compare(goldens: { text: string; ids: readonly number[] }[]): Promise<void> {
  for (let from = 0; from < goldens.length; from += 500) {
    const some = goldens.slice(from, from + 500);
    // A document whose text is empty has nothing to embed: a blank stands for it.
    const rows = await idsOf(some.map(({ text }) => text || ' '));
    some.forEach(({ text, ids }, index) => {
      assert.deepEqual(rows[index], rowOf(ids), JSON.stringify(text));
    });
  }
}

test('known texts enter the engine as the ids of OpenAI’s tokeniser', async () => {
  await compare(
    KNOWN_TEXTS.map(([text, ids]) => ({ text, ids: ids.split(' ').filter(Boolean).map(Number) })),
  );
  await compare([{ text: 'word '.repeat(100), ids: Array(100).fill(2653) }]);
});

test('texts of every kind enter the engine as the ids of the Python server', () => compare(goldenTexts()));

test('2,000 fuzz strings enter the engine as the ids behind the hash of the reference', async () => {
  let x = 1;
  const next = () => {
    x = Number((1103515245n * BigInt(x) + 12345n) % 2147483648n);
    return x >> 16;
  };
  const strings = Array.from({ length: 2000 }, () =>
    String.fromCharCode(...Array.from({ length: next() % 120 }, () => 32 + (next() % 95))),
  );
  // The hash is over whole texts; the engine gets 77 ids of each. So the whole ids are proved by the hash, and the
  // engine's by the whole ids.
  const tokenizer = await createClipTokenizer(256);
  const hash = createHash('sha256');
  const goldens = strings.map((text) => {
    const { ids, length } = tokenizer.encode(text);
    const inner = [...ids.subarray(1, length - 1)];
    hash.update(`${inner.join(',')}\n`);
    return { text, ids: inner };
  });
  assert.equal(hash.digest('hex'), '126d925be62615ee9650781867381de2b2dcd0cc0744d4d59f8c0deb33985238');
  await compare(goldens);
});
