import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { InferenceSession } from 'onnxruntime-node';
import type { Transformer } from '../../../src/model/architecture/architecture.ts';
import { type Recognition, recognise } from '../../../src/model/architecture/recognise.ts';
import { establishTower } from '../../../src/model/contract.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';
import { recognised } from './recognise-model.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures');
const NAMES = readdirSync(FIXTURES)
  .filter((name) => /^(text|vit|resnet)-.*\.onnx$/.test(name))
  .map((name) => name.replace('.onnx', ''));

/** What the script that made the file built. */
interface Built {
  readonly family: 'text' | 'vit' | 'resnet';
  readonly layers?: number;
  /** Bottlenecks. */
  readonly stages?: readonly number[];
  readonly width: number;
  readonly heads: number;
  readonly resolution?: number;
  readonly patch?: number;
  readonly context?: number;
  readonly vocabulary?: number;
  readonly outputWidth: number;
  readonly activation: string;
  readonly endToken?: unknown;
  readonly normalised: boolean;
  readonly precision: string;
}

function assertTransformer(found: Transformer, built: Built): void {
  assert.deepEqual(
    [found.blocks.length, found.width, found.heads, found.activation],
    [built.layers, built.width, built.heads, built.activation],
  );
}

for (const name of NAMES) {
  test(`${name} is recognised`, async () => {
    const built: Built = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8'));
    const model = await readOnnx(join(FIXTURES, `${name}.onnx`));
    const tower = built.family === 'text' ? 'text' : 'image';
    const contract = await establishTower(model, tower, { resolution: built.resolution ?? 0 });
    const architecture = recognised(await recognise(model, contract), built.family);
    assert.deepEqual(
      [architecture.outputWidth, architecture.normalised, architecture.precision],
      [built.outputWidth, built.normalised, built.precision],
    );
    if (architecture.family === 'text') {
      assertTransformer(architecture.transformer, built);
      assert.deepEqual(architecture.endToken, built.endToken);
      assert.deepEqual(
        [architecture.tokens.dims[0], architecture.positions.dims[0]],
        [built.vocabulary, built.context],
      );
    } else if (architecture.family === 'vit') {
      assertTransformer(architecture.transformer, built);
      assert.deepEqual([architecture.resolution, architecture.patch.stride], [built.resolution, built.patch]);
    } else {
      assert.deepEqual(
        architecture.stages.map(({ length }) => length),
        built.stages,
      );
      assert.deepEqual([architecture.pool.heads, architecture.resolution], [built.heads, built.resolution]);
    }
  });
}

/** Files for which ONNX Runtime's optimiser writes operators of its own domain. */
const OPTIMISED = [
  'text-torch1-opset11',
  'text-immich-opset19',
  'vit-optimum-opset14',
  'vit-torch1-opset14-gelu',
];

for (const name of OPTIMISED) {
  test(`what ONNX Runtime's optimiser makes of ${name} is recognised as the same`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'clip-optimised-'));
    t.after(() => rm(folder, { recursive: true }));
    const [original, optimised] = [join(FIXTURES, `${name}.onnx`), join(folder, 'optimised.onnx')];
    const options = { graphOptimizationLevel: 'extended', optimizedModelFilePath: optimised } as const;
    await (await InferenceSession.create(original, { ...options, logSeverityLevel: 3 })).release();
    const model = await readOnnx(optimised);
    assert.ok(model.nodes.some(({ domain }) => domain === 'com.microsoft'));
    const tower = name.startsWith('text') ? 'text' : 'image';
    const hints = { resolution: 32 };
    const [found, plain] = [model, await readOnnx(original)].map(async (read) =>
      withoutPlaces(await recognise(read, await establishTower(read, tower, hints))),
    );
    assert.deepEqual(await found, await plain);
  });
}

/** The optimiser may turn a matrix. */
function withoutPlaces(recognition: Recognition): unknown {
  const isPlace = (key: string) => key === 'place' || key === 'layout' || key === 'weight';
  return JSON.parse(JSON.stringify(recognition, (key, value) => (isPlace(key) ? undefined : value)));
}

test("each tower of optimum's file of both is recognised by its output", async () => {
  const model = await readOnnx(join(FIXTURES, 'combined-optimum-opset14.onnx'));
  const slot = (name: string) => ({ name, type: 'float32' as const });
  const text = await recognise(model, {
    tower: 'text',
    input: { name: 'input_ids', type: 'int64' },
    mask: { name: 'attention_mask', type: 'int64' },
    contextLength: 77,
    output: slot('text_embeds'),
  });
  assert.ok(recognised(text, 'text').normalised);
  const image = await recognise(model, {
    tower: 'image',
    input: slot('pixel_values'),
    layout: 'nchw',
    resolution: 32,
    output: slot('image_embeds'),
  });
  assert.ok(recognised(image, 'vit').normalised);
});
