import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { testModel } from '../models/test-model.ts';
import { serveModel, type TestServer } from './start.ts';

interface Golden {
  readonly text?: string;
  readonly blob?: string;
  /** base64 of little-endian float32. */
  readonly vector: string;
}

/** Greatest difference allowed, relative to the vector's greatest component. */
const TOLERANCE = 5e-5;

const goldens: Golden[] = JSON.parse(
  readFileSync(new URL('./goldens/vectors.json', import.meta.url), 'utf8'),
);
let server: TestServer;
before(async () => {
  server = await serveModel(await testModel('tiny-224'));
});
after(() => server.close());

function difference(got: number[], golden: Golden): number {
  const expected = new Float32Array(new Uint8Array(Buffer.from(golden.vector, 'base64')).buffer);
  assert.equal(got.length, expected.length);
  const greatest = Math.max(...expected.map(Math.abs));
  return Math.max(...got.map((value, index) => Math.abs(value - expected[index]!))) / greatest;
}

for (const path of ['/encode', '/post'])
  test(`${path} answers with the vectors of the Python server`, async () => {
    const data = goldens.map(({ text, blob }) => ({ text, blob }));
    const { status, body } = await server.post(path, { data, parameters: { drop_image_content: true } });
    assert.equal(status, 200);
    assert.equal(body.header.status, null);
    goldens.forEach((golden, index) => {
      const worst = difference(body.data[index].embedding, golden);
      assert.ok(worst <= TOLERANCE, `${golden.text ?? `picture ${index}`}: ${worst}`);
    });
  });

test('a picture has the same vector whether it comes as blob, as data URI, alone or among others', async () => {
  const golden = goldens.find(({ blob }) => blob !== undefined)!;
  const { body } = await server.post('/encode', { data: [{ uri: `data:image/jpeg;base64,${golden.blob}` }] });
  assert.ok(difference(body.data[0].embedding, golden) <= TOLERANCE);
});
