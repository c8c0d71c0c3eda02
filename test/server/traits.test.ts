import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { rankGroup } from '../../src/service/rank.ts';
import { testModel } from '../models/test-model.ts';
import { serveModel } from './start.ts';

const TEXTS = ['a red apple', 'a green pear', 'two dogs on a lawn'];

test('a model.json sets the scale of a ranking and the lengths that are not warned of', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clip-traits-'));
  await cp(await testModel('tiny'), folder, { recursive: true });
  await writeFile(join(folder, 'model.json'), '{"logit_scale": 7.5, "matryoshka_dimensions": [8]}');
  const server = await serveModel(folder);
  try {
    const [query, ...matches] = TEXTS.map((text) => ({ text }));
    const encoded = await server.post('/encode', { data: [query, ...matches] });
    const vectors = encoded.body.data.map(({ embedding }: { embedding: number[] }) =>
      Float32Array.from(embedding),
    );
    const ranked = await server.post('/rank', { data: [{ ...query, matches }] });
    const found = ranked.body.data[0].matches;
    for (const [i, { index, score }] of rankGroup(vectors[0], vectors.slice(1), 7.5).entries()) {
      assert.equal(found[i].text, matches[index]!.text);
      const difference = Math.abs(found[i].scores.clip_score.value - score);
      assert.ok(difference < 1e-5, `expected the score ${score}, differs by ${difference}`);
    }
    assert.equal(server.server.description.logitScale, 7.5);
    const warnings = async (dimensions: number) =>
      (await server.post('/encode', { data: [query], parameters: { dimensions } })).body.parameters
        .__warnings__;
    assert.equal(await warnings(8), undefined);
    assert.match((await warnings(9))[0], /8 declared/);
  } finally {
    await server.close();
    await rm(folder, { recursive: true });
  }
});
