import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Recognition, recognise } from '../../../src/model/architecture/recognise.ts';
import { establishTower } from '../../../src/model/contract.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';
import { readMutants } from '../onnx/mutate.ts';

/** Spellings that differ most, so that mutants reach every part of the recogniser. */
const SEEDS = [
  'text-torch1-opset12-unfolded',
  'text-dynamo-torch26',
  'vit-dynamo-opset23-gelu',
  'vit-dynamo-torch26-plain',
  'resnet-torch1-opset13-norms',
].map((name) => readFileSync(join(import.meta.dirname, `../fixtures/${name}.onnx`)));
/** Ten thousand take two minutes, so that only `npm run fuzz` tries them. */
const COUNT = process.env.FUZZ_SECONDS ? 10_000 : 1000;

test('changed files are recognised or not, each for a reason and soon', { timeout: 900_000 }, async () => {
  const reasons: string[] = [];
  let recognised = 0;
  const count = ({ ...found }: Recognition) => {
    if ('reason' in found) reasons.push(found.reason);
    else recognised++;
  };
  await readMutants({
    seeds: SEEDS,
    count: COUNT,
    read: async (path) => {
      const model = await readOnnx(path);
      const tower = model.inputs.some(({ dims }) => dims?.length === 4) ? 'image' : 'text';
      count(await recognise(model, await establishTower(model, tower, { resolution: 32 })));
    },
  });
  assert.ok(recognised > COUNT / 50, `${recognised} recognised`);
  assert.ok(new Set(reasons).size > COUNT / 50, `${new Set(reasons).size} reasons`);
  for (const reason of reasons) assert.match(reason, /: expected .*, found |^it |: unknown/s);
});
