import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { folderWith, prepare, prepareFolder } from './folder.ts';
import { type GraphSpec, imageTower, textTower } from './onnx-writer.ts';

const weight = (location: string, length: number): GraphSpec => ({
  tensors: [
    { name: 'w', type: 'float32', dims: [4], external: { location, offset: '8', length: String(length) } },
  ],
});

test('weights beside the model are counted, and never read from elsewhere', async (t) => {
  const { contract } = await prepare(t, {
    'visual.onnx': imageTower(weight('visual.onnx.data', 16)),
    'visual.onnx.data': new Uint8Array(24),
  });
  assert.equal(contract.image.externalData, true);
  assert.equal(contract.image.bytes, 16);
  for (const location of ['../outside.bin', '/etc/hostname', '.']) {
    const files = { 'visual.onnx': imageTower(weight(location, 16)) };
    await assert.rejects(prepare(t, files), /expected its weights inside/);
  }
  await assert.rejects(
    prepare(t, { 'visual.onnx': imageTower(weight('gone.bin', 16)) }),
    /gone\.bin are missing/,
  );
  await assert.rejects(
    prepare(t, { 'visual.onnx': imageTower(weight('w.bin', 16)), 'w.bin': new Uint8Array(23) }),
    /expected at least 24 bytes of weights, found 23/,
  );
  const folder = await folderWith(t, {
    'textual.onnx': textTower(),
    'visual.onnx': imageTower(weight('w.bin', 16)),
  });
  await symlink('/etc/services', join(folder, 'w.bin'));
  await assert.rejects(prepareFolder(folder), /expected its weights inside/);
});

for (const [text, image] of [
  ['textual/model.onnx', 'visual/model.onnx'],
  ['onnx/text_model.onnx', 'onnx/vision_model.onnx'],
  ['text_model.onnx', 'vision_model.onnx'],
  ['clip-text/model.onnx', 'clip-vision/model.onnx'],
] as const) {
  test(`layout ${text} + ${image}`, async (t) => {
    const folder = await folderWith(t, {
      [text]: textTower(),
      [image]: imageTower(),
      'tokenizer.json': '{}',
    });
    const { contract } = await prepareFolder(folder);
    assert.equal(contract.text.path, join(folder, text));
    assert.equal(contract.image.path, join(folder, image));
    assert.equal(contract.tokenizerFile, join(folder, 'tokenizer.json'));
  });
}

test('an unfit folder is a fault of the configuration that names what lies there', async (t) => {
  const half = await folderWith(t, { 'textual.onnx': textTower() });
  await assert.rejects(prepareFolder(half), {
    name: 'ConfigError',
    message: /textual\.onnx is only one of the two towers/,
  });
  await assert.rejects(prepareFolder(join(half, 'textual.onnx')), {
    name: 'ConfigError',
    message: /found a file/,
  });
  await assert.rejects(prepareFolder(join(half, 'gone')), { name: 'ConfigError', message: /found nothing/ });
  await assert.rejects(prepareFolder(await folderWith(t, { 'a.txt': '' })), /found no \.onnx file/);
});

const MEAN = [0.48145466, 0.4578275, 0.40821073];
const STD = [0.26862954, 0.26130258, 0.27577711];
const HUB = {
  image_mean: MEAN,
  image_std: STD,
  resample: 3,
  do_center_crop: true,
  do_resize: true,
  crop_size: 288,
};
const OPEN_CLIP = {
  mean: MEAN,
  std: STD,
  interpolation: 'bicubic',
  resize_mode: 'shortest',
  size: [288, 288],
};

test('CLIP’s preprocessing files are accepted and settle an open resolution', async (t) => {
  const open = imageTower({ inputs: [{ name: 'image', type: 'float32', dims: ['n', 3, 'h', 'w'] }] });
  for (const [name, recipe] of [
    ['preprocessor_config.json', HUB],
    ['preprocess_cfg.json', OPEN_CLIP],
  ] as const) {
    const files = { 'visual.onnx': open, [name]: JSON.stringify(recipe) };
    assert.equal((await prepare(t, files)).contract.image.resolution, 288);
    await assert.rejects(
      prepare(t, { [name]: JSON.stringify(recipe) }),
      /takes 224 pixels a side, but .* says 288/,
    );
  }
});

for (const [what, name, recipe] of [
  ['SigLIP’s mean', 'preprocessor_config.json', { ...HUB, image_mean: [0.5, 0.5, 0.5] }],
  ['no crop', 'preprocessor_config.json', { ...HUB, do_center_crop: false }],
  ['bilinear', 'preprocessor_config.json', { ...HUB, resample: 2 }],
  ['squash', 'preprocess_cfg.json', { ...OPEN_CLIP, resize_mode: 'squash' }],
  ['bilinear', 'preprocess_cfg.json', { ...OPEN_CLIP, interpolation: 'bilinear' }],
  ['no deviation', 'preprocess_cfg.json', { ...OPEN_CLIP, std: undefined }],
] as const) {
  test(`preprocessing refused: ${what} in ${name}`, async (t) => {
    await assert.rejects(prepare(t, { [name]: JSON.stringify(recipe) }), /expected CLIP's preprocessing/);
  });
}
