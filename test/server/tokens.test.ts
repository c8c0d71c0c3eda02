import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { testModel } from '../models/test-model.ts';
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

/** Ids between the start and the end token. */
function inner(row: number[]): number[] {
  assert.equal(row[0], 49406);
  const end = row.indexOf(49407, 1);
  assert.ok(end > 0);
  assert.ok(row.slice(end + 1).every((id) => id === 0));
  return row.slice(1, end);
}

test('golden texts enter the engine as the ids of the reference', async () => {
  const rows = await idsOf([
    'a photo of a cat',
    'don’t',
    'schÃ¶n',
    '&amp;lt;b&amp;gt; R&amp;D &amp;amp;amp;',
    '😀👍🏽 emoji',
    'ΟΔΟΣ İstanbul',
  ]);
  assert.deepEqual(rows.map(inner), [
    [320, 1125, 539, 320, 2368],
    [847, 713],
    [844, 7255, 333],
    [283, 321, 285, 337, 261, 323, 261],
    [12832, 43722, 16327],
    [138, 123, 138, 112, 138, 123, 139, 480, 328, 16384, 11231],
  ]);
});

test('a text that is too long keeps its end token in the last place', async () => {
  const [row] = await idsOf(['word '.repeat(100)]);
  assert.deepEqual(row, [49406, ...Array(75).fill(2653), 49407]);
});

test('2,000 fuzz strings give the hash of the reference', async () => {
  let x = 1;
  const next = () => {
    x = Number((1103515245n * BigInt(x) + 12345n) % 2147483648n);
    return x >> 16;
  };
  const strings = Array.from({ length: 2000 }, () =>
    String.fromCharCode(...Array.from({ length: next() % 120 }, () => 32 + (next() % 95))),
  );
  const hash = createHash('sha256');
  let long = 0;
  for (let from = 0; from < strings.length; from += 500) {
    for (const row of await idsOf(strings.slice(from, from + 500).map((text) => text || ' '))) {
      if (row[76] === 49407) long += 1;
      hash.update(`${inner(row).join(',')}\n`);
    }
  }
  assert.equal(long, 0, 'no string was cut, so the hash covers every id');
  assert.equal(hash.digest('hex'), '126d925be62615ee9650781867381de2b2dcd0cc0744d4d59f8c0deb33985238');
});
