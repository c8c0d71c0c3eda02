import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { testModel } from '../models/test-model.ts';
import { serveModel, type TestServer } from './start.ts';

const GOLDENS = new URL('../preprocess/image/goldens/', import.meta.url);
const SIDE = 224;
const AT_ONCE = 6;
const MEAN = [0.48145466, 0.4578275, 0.40821073];
const STD = [0.26862954, 0.26130258, 0.27577711];

interface Golden {
  readonly file: string;
  readonly resolution: number;
  readonly sha256: string;
}

// The echo model gives the normalised pixels that entered the engine as the vector.
let server: TestServer;
before(async () => {
  server = await serveModel(await testModel('echo-image-224'));
});
after(() => server.close());

/** Normalised planes back to bytes, which is exact: neighbouring bytes are 0.014 apart. */
function bytesOf(planes: number[]): Uint8Array {
  const area = SIDE * SIDE;
  assert.equal(planes.length, 3 * area);
  return Uint8Array.from(planes, (_, index) => {
    const channel = index % 3;
    return Math.round(
      (planes[channel * area + Math.floor(index / 3)]! * STD[channel]! + MEAN[channel]!) * 255,
    );
  });
}

test('pictures of every mode and size enter the engine as the bytes of Pillow', async () => {
  const all: Golden[] = JSON.parse(readFileSync(new URL('goldens.json', GOLDENS), 'utf8'));
  const goldens = all.filter(({ resolution }) => resolution === SIDE);
  assert.ok(goldens.length >= 40);
  for (let from = 0; from < goldens.length; from += AT_ONCE) {
    const some = goldens.slice(from, from + AT_ONCE);
    const data = some.map(({ file }) => ({
      blob: readFileSync(new URL(`files/${file}`, GOLDENS)).toString('base64'),
    }));
    const { body } = await server.post('/encode', { data, parameters: { drop_image_content: true } });
    some.forEach(({ file, sha256 }, index) => {
      const bytes = bytesOf(body.data[index].embedding);
      assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, file);
    });
  }
});
