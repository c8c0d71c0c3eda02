import assert from 'node:assert/strict';
import { test } from 'node:test';
import { folderWith, prepare, prepareFolder } from './folder.ts';
import { imageTower, textTower } from './onnx-writer.ts';

const beside = (traits: unknown) => ({ 'model.json': JSON.stringify(traits) });

test('a model brings its logit scale and the lengths that it may be cut to', async (t) => {
  const { contract, warnings } = await prepare(
    t,
    beside({ logit_scale: 33.1, matryoshka_dimensions: [64, 128] }),
  );
  assert.deepEqual(contract.traits, { logitScale: 33.1, matryoshkaDimensions: [64, 128] });
  assert.deepEqual(warnings, []);
});

test('a folder without the file, and a file without keys, say nothing', async (t) => {
  assert.equal((await prepare(t, {})).contract.traits, undefined);
  assert.deepEqual((await prepare(t, beside({}))).contract.traits, {});
});

for (const place of ['onnx/model.json', 'model.json'])
  test(`in a folder with a layout of folders it lies at ${place}`, async (t) => {
    const folder = await folderWith(t, {
      'onnx/text_model.onnx': textTower(),
      'onnx/vision_model.onnx': imageTower(),
      [place]: JSON.stringify({ logit_scale: 1000 }),
    });
    assert.equal((await prepareFolder(folder)).contract.traits!.logitScale, 1000);
  });

test('an unknown key is warned of, with what was likely meant', async (t) => {
  const { warnings } = await prepare(t, beside({ logit_scales: 50, author: 'me' }));
  assert.equal(warnings.length, 2);
  assert.match(
    warnings[0]!,
    /model\.json: the key "logit_scales" means nothing .* did you mean logit_scale\?/,
  );
  assert.match(warnings[1]!, /the key "author" means nothing to this server$/);
});

for (const [key, value] of [
  ['logit_scale', 0],
  ['logit_scale', -1],
  ['logit_scale', 1000.5],
  ['logit_scale', '33'],
  ['logit_scale', null],
  ['matryoshka_dimensions', 64],
  ['matryoshka_dimensions', [0]],
  ['matryoshka_dimensions', [1.5]],
  ['matryoshka_dimensions', [513]],
] as const)
  test(`refused: ${key} ${JSON.stringify(value)}`, async (t) => {
    await assert.rejects(prepare(t, beside({ [key]: value })), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'model_invalid');
      const found = `found ${JSON.stringify(value)}`;
      assert.ok(error.message.includes(`model.json: ${key}: expected`), error.message);
      assert.ok(error.message.endsWith(found), error.message);
      return true;
    });
  });

test('a number that JSON cannot hold is infinite, and refused', async (t) => {
  await assert.rejects(
    prepare(t, { 'model.json': '{"logit_scale": 1e999}' }),
    /logit_scale: expected a number/,
  );
});

test('what is no JSON object is refused', async (t) => {
  await assert.rejects(prepare(t, { 'model.json': '[]' }), /model\.json cannot be read: expected an object/);
  await assert.rejects(prepare(t, { 'model.json': '{' }), /model\.json cannot be read/);
});
