import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { readRecipeFile } from '../../src/engine/tensorrt/recipe-file.ts';
import { RECIPES_FOLDER, towerRecipe } from '../../src/engine/tensorrt/recipes.ts';
import { CATALOGUE, TOWERS } from '../../src/model/catalogue.ts';

/** Rows of a picture's largest run: what the memory of the larger models and pictures leaves. */
const PICTURES: Record<string, number> = {
  RN50: 256,
  RN101: 256,
  RN50x4: 128,
  RN50x16: 64,
  RN50x64: 32,
  'ViT-B-32': 256,
  'ViT-B-16': 128,
  'ViT-L-14': 64,
  'ViT-L-14-336': 32,
};

test('each OpenAI model has a recipe of its own for both towers, found by any of its names', async () => {
  const models = CATALOGUE.filter(({ weights }) => weights === 'openai');
  assert.deepEqual(models.map(({ architecture }) => architecture).sort(), Object.keys(PICTURES).sort());
  for (const { name, aliases, architecture } of models)
    for (const spelling of [name, ...aliases]) {
      const { maxBatch, recipes } = await towerRecipe(spelling, 'image');
      assert.equal(maxBatch, PICTURES[architecture], spelling);
      assert.deepEqual(recipes, ['fp16', 'fp32-residual', 'fp32'], spelling);
      assert.ok((await towerRecipe(spelling, 'text')).maxBatch >= 128, spelling);
    }
});

test('other weights of an architecture take its recipe, and unknown models the default', async () => {
  assert.deepEqual(
    await towerRecipe('ViT-B-16::laion400m_e31', 'image'),
    await towerRecipe('ViT-B-16::openai', 'image'),
  );
  for (const model of ['my-clip', 'ViT-H-14::laion2b-s32b-b79k', '../default'])
    for (const tower of TOWERS)
      assert.deepEqual((await towerRecipe(model, tower)).recipes.at(-1), 'original', model);
});

test('the folder holds nothing else', async () => {
  const names = (await readdir(RECIPES_FOLDER)).map((name) => basename(name, '.yml'));
  assert.deepEqual(names.sort(), [...Object.keys(PICTURES), 'default'].sort());
});

const TOWER = 'recipes: [fp16]\n  max_batch: 8\n  workspace_mib: 1\n  optimisation_level: 0';
const file = (text: string) => `text:\n  ${text}\nimage:\n  ${TOWER}\n`;

test('a file gives both towers, with bytes for MiB', () => {
  const tower = { recipes: ['fp16'], maxBatch: 8, workspaceBytes: 1_048_576, optimisationLevel: 0 };
  assert.deepEqual(readRecipeFile(file(TOWER), 'x.yml'), { text: tower, image: tower });
});

const FAULTS: Record<string, readonly [text: string, message: string]> = {
  'an unknown key': [
    file(`${TOWER}\n  max_bach: 9`),
    'x.yml:6: text.max_bach: unknown key; did you mean max_batch?',
  ],
  'an unknown tower': [`${file(TOWER)}audio: 1\n`, 'x.yml:11: audio: unknown key; one of text, image'],
  'a key that is not there': [
    file(TOWER.replace('max_batch: 8\n  ', '')),
    'x.yml:2: text.max_batch: expected a value, found no such key',
  ],
  'an unknown recipe': [
    file(TOWER.replace('[fp16]', '\n  - fp16\n  - fp8')),
    'x.yml:4: text.recipes: expected one of fp32, fp16, fp32-residual, bf16, original, or a list of these, got "fp8"',
  ],
  'no recipe': [
    file(TOWER.replace('fp16', '')),
    'x.yml:2: text.recipes: expected one of fp32, fp16, fp32-residual, bf16, original, or a list of these, got an empty list',
  ],
  'a number out of range': [
    file(TOWER.replace('level: 0', 'level: 6')),
    'x.yml:5: text.optimisation_level: expected an integer from 0 to 5, got "6"',
  ],
  'a key written twice': [
    file(`${TOWER}\n  max_batch: 9`),
    'x.yml:6: "max_batch": this key is written twice; the last one counts',
  ],
  'a list in place of the file': ['- 1\n', 'x.yml:1: the recipe: expected a map, got a list'],
};

for (const [what, [text, message]] of Object.entries(FAULTS))
  test(`${what} is an error with file and line`, () => {
    assert.throws(() => readRecipeFile(text, 'x.yml'), { name: 'ConfigError', message });
  });

test('a fault in a file on the disk names its path', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'clip-recipes-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'default.yml'), 'text: 1\n');
  await assert.rejects(towerRecipe('my-clip', 'text', folder), {
    name: 'ConfigError',
    message: new RegExp(`^${join(folder, 'default.yml')}:1: `),
  });
});
