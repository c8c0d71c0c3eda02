import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { ConfigError } from '../../src/config/config.ts';
import { CATALOGUE, findModel, isPacked, resolveModel } from '../../src/model/catalogue.ts';

test('names, folders and checksums are those that the reference server pins', () => {
  const rows = CATALOGUE.map(({ name, folder, files }) =>
    [name, folder, files.text.md5, files.image.md5, files.image.file].join(' '),
  );
  assert.equal(rows.length, 25);
  // SHA-256 over the reference's table: name, folder, both MD5s and the image tower's file, a line each.
  const digest = createHash('sha256').update(rows.join('\n')).digest('hex');
  assert.equal(digest, 'e0867447b24d55b49b11525b1d1e7ca7435bd9df81aa6d1cf63f986b351e5b0f');
});

const NAMES: [string, string][] = [
  ['RN50', 'RN50::openai'],
  ['RN101', 'RN101::openai'],
  ['RN50x4', 'RN50x4::openai'],
  ['RN50x16', 'RN50x16::openai'],
  ['RN50x64', 'RN50x64::openai'],
  ['ViT-B/32', 'ViT-B-32::openai'],
  ['ViT-B/16', 'ViT-B-16::openai'],
  ['ViT-L/14', 'ViT-L-14::openai'],
  ['ViT-L/14@336px', 'ViT-L-14-336::openai'],
  ['ViT-L-14-336', 'ViT-L-14-336::openai'],
  ['ViT-B-32', 'ViT-B-32::openai'],
  ['ViT-B-32__openai', 'ViT-B-32::openai'],
  ['ViT-B-32-quickgelu::openai', 'ViT-B-32::openai'],
  ['openai/clip-vit-base-patch32', 'ViT-B-32::openai'],
  ['openai/clip-vit-base-patch16', 'ViT-B-16::openai'],
  ['openai/clip-vit-large-patch14', 'ViT-L-14::openai'],
  ['openai/clip-vit-large-patch14-336', 'ViT-L-14-336::openai'],
  ['ViT-B-32::laion2b_s34b_b79k', 'ViT-B-32::laion2b-s34b-b79k'],
  ['ViT-B-32::laion400m-e31', 'ViT-B-32::laion400m_e31'],
  ['laion/CLIP-ViT-L-14-laion2B-s32B-b82K', 'ViT-L-14::laion2b-s32b-b82k'],
  ['ViT-B-16-plus-240::laion400m_e32', 'ViT-B-16-plus-240::laion400m_e32'],
];

for (const [written, canonical] of NAMES) {
  test(`${written} is ${canonical}`, () => assert.equal(resolveModel(written).name, canonical));
}

test('every canonical name and alias finds its own model', () => {
  for (const model of CATALOGUE) {
    for (const name of [model.name, ...model.aliases]) assert.equal(findModel(name), model, name);
  }
});

test('weights other than OpenAI’s are never assumed', () => {
  assert.equal(findModel('ViT-B-16-plus-240'), undefined);
  assert.equal(findModel('ViT-B-32::laion2b'), undefined);
  assert.equal(findModel(''), undefined);
});

test('an unknown name is answered with near names and the list', () => {
  assert.throws(
    () => resolveModel('ViT-B/33'),
    (error: Error) =>
      error instanceof ConfigError &&
      /ViT-B\/33/.test(error.message) &&
      /did you mean ViT-B-32::openai/.test(error.message) &&
      /RN50x64::openai, RN50x64/.test(error.message),
  );
  assert.throws(() => resolveModel('resnet'), /resnet is not in the catalogue\.\nKnown models:/);
});

test('models with another tokenizer are refused by that reason', () => {
  for (const name of ['M-CLIP/LABSE-Vit-L-14', 'CN-CLIP/RN50', 'roberta-ViT-B-32::laion2b-s12b-b32k']) {
    assert.throws(() => resolveModel(name), /another tokenizer/);
  }
});

test('widths and resolutions are the architecture’s', () => {
  const facts = Object.fromEntries(CATALOGUE.map((model) => [model.name, [model.width, model.resolution]]));
  assert.deepEqual(facts['RN50::openai'], [1024, 224]);
  assert.deepEqual(facts['RN101::yfcc15m'], [512, 224]);
  assert.deepEqual(facts['RN50x4::openai'], [640, 288]);
  assert.deepEqual(facts['RN50x16::openai'], [768, 384]);
  assert.deepEqual(facts['RN50x64::openai'], [1024, 448]);
  assert.deepEqual(facts['ViT-B-16-plus-240::laion400m_e31'], [640, 240]);
  assert.deepEqual(facts['ViT-L-14-336::openai'], [768, 336]);
  assert.deepEqual(
    CATALOGUE.filter(isPacked).map(({ name }) => name),
    ['ViT-H-14::laion2b-s32b-b79k', 'ViT-g-14::laion2b-s12b-b42k'],
  );
});
