import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Linear, Weight } from '../../../src/model/architecture/architecture.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';
import type { ModelOptions } from '../../models/options.ts';
import { testModel } from '../../models/test-model.ts';
import { recognised, recogniseEdited } from './recognise-model.ts';

/** The elements of a tensor as the generator wrote them. */
async function written(file: string, name: string): Promise<Float32Array> {
  const model = await readOnnx(file);
  const tensor = model.tensors.find((held) => held.name === name)!;
  const place = tensor.external ?? { location: '', offset: tensor.raw?.start ?? -1 };
  if (tensor.data) return new Float32Array(Uint8Array.from(tensor.data).buffer);
  const bytes = await readFile(tensor.external ? `${file}.data` : file);
  return new Float32Array(Uint8Array.from(bytes.subarray(place.offset, place.offset + tensor.bytes)).buffer);
}

async function assertWeights(file: string, weights: Readonly<Record<string, Weight | Linear | undefined>>) {
  for (const [name, held] of Object.entries(weights)) {
    const weight = held && 'weight' in held ? held.weight : held;
    assert.ok(weight, name);
    assert.ok(weight.place, `${name} has its place`);
    assert.deepEqual(await weight.read(), await written(file, name), name);
  }
}

const VARIANTS: readonly Omit<ModelOptions, 'preset'>[] = [
  {},
  { activation: 'gelu', normalised: true, external: true },
  { ids: 'int64', attentionMask: true, pixels: 'uint8' },
  { io: 'float16', fixedBatch: true, names: { ids: 'a', pixels: 'b', output: 'c' } },
];

for (const options of VARIANTS) {
  const given = JSON.stringify(options);
  const { activation = 'quick_gelu', normalised = false } = options;

  test(`text transformer, generated with ${given}`, async () => {
    const found = await recogniseEdited({ preset: 'tiny', tower: 'text', options });
    const { transformer, ...text } = recognised(found, 'text');
    assert.deepEqual(
      [transformer.width, transformer.heads, transformer.blocks.length, transformer.activation],
      [16, 2, 2, activation],
    );
    assert.deepEqual([text.outputWidth, text.normalised, text.precision], [32, normalised, 'fp32']);
    assert.deepEqual(text.endToken, { rule: 'largest' });
    assert.deepEqual(
      [text.tokens.dims, text.positions.dims],
      [
        [49_408, 16],
        [77, 16],
      ],
    );
    const block = transformer.blocks[1]!;
    assert.ok('joint' in block.projections);
    assert.ok(Math.abs(block.attentionNorm.epsilon - 1e-5) < 1e-9);
    await assertWeights(join(await testModel('tiny', options), 'textual.onnx'), {
      token_embedding: text.tokens,
      positional_embedding: text.positions,
      'resblocks.1.ln_1.weight': block.attentionNorm.scale,
      'resblocks.1.ln_1.bias': block.attentionNorm.shift,
      'resblocks.1.attn.in_proj.weight': block.projections.joint,
      'resblocks.1.attn.in_proj.bias': block.projections.joint.bias,
      'resblocks.1.attn.out_proj.weight': block.attentionOutput,
      'resblocks.1.ln_2.bias': block.mlpNorm.shift,
      'resblocks.1.mlp.c_fc.weight': block.mlpInput,
      'resblocks.1.mlp.c_proj.bias': block.mlpOutput.bias,
      'ln_final.weight': text.finalNorm.scale,
      text_projection: text.projection,
    });
  });

  test(`vision transformer, generated with ${given}`, async () => {
    const found = await recogniseEdited({ preset: 'tiny', tower: 'image', options });
    const { transformer, patch, ...vit } = recognised(found, 'vit');
    assert.deepEqual(
      [transformer.width, transformer.heads, transformer.blocks.length, transformer.activation],
      [32, 2, 2, activation],
    );
    assert.deepEqual(
      [vit.resolution, patch.stride, patch.padding, patch.weight.dims],
      [32, 8, 0, [32, 3, 8, 8]],
    );
    assert.deepEqual([vit.outputWidth, vit.normalised, vit.positions.dims], [32, normalised, [17, 32]]);
    await assertWeights(join(await testModel('tiny', options), 'visual.onnx'), {
      'conv1.weight': patch.weight,
      class_embedding: vit.classToken,
      positional_embedding: vit.positions,
      'ln_pre.weight': vit.preNorm.scale,
      'resblocks.0.mlp.c_fc.weight': transformer.blocks[0]!.mlpInput,
      'ln_post.bias': vit.postNorm.shift,
      proj: vit.projection,
    });
  });

  test(`ResNet, generated with ${given}`, async () => {
    const found = await recogniseEdited({ preset: 'RN-tiny', tower: 'image', options });
    const { stem, stages, pool, ...resnet } = recognised(found, 'resnet');
    assert.deepEqual([resnet.resolution, resnet.outputWidth, resnet.normalised], [224, 512, normalised]);
    assert.deepEqual(
      stem.map(({ stride, padding }) => [stride, padding]),
      [
        [2, 1],
        [1, 1],
        [1, 1],
      ],
    );
    assert.deepEqual(
      stages.map((stage) => stage.map(({ stride }) => stride)),
      [[1], [2], [2], [2]],
    );
    assert.ok(stages.every(([first]) => first!.shortcut));
    assert.deepEqual([pool.heads, pool.positions.dims], [4, [50, 256]]);
    const { convolutions, shortcut } = stages[2]![0]!;
    await assertWeights(join(await testModel('RN-tiny', options), 'visual.onnx'), {
      'stem.2.conv': stem[1].weight,
      'stem.2.bn.scale': stem[1].batchNorm?.scale,
      'stem.2.bn.bias': stem[1].batchNorm?.shift,
      'stem.2.bn.mean': stem[1].batchNorm?.mean,
      'stem.2.bn.var': stem[1].batchNorm?.variance,
      'layer3.0.1.conv': convolutions[0].weight,
      'layer3.0.2.conv': convolutions[1].weight,
      'layer3.0.3.conv': convolutions[2].weight,
      'layer3.0.downsample.conv': shortcut?.weight,
      'attnpool.positions': pool.positions,
      'attnpool.q_proj.weight': pool.query,
      'attnpool.k_proj.bias': pool.key.bias,
      'attnpool.v_proj.weight': pool.value,
      'attnpool.c_proj.weight': pool.output,
    });
  });
}
