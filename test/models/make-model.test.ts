import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { halfTensor } from '../../src/engine/onnx-feeds.ts';
import { makeModel } from './make-model.ts';
import type { ModelOptions } from './options.ts';
import { PRESETS, type Preset } from './presets.ts';
import { randomIntegers } from './random.ts';
import { testModel } from './test-model.ts';

const CONTEXT = 77;
const START = 49_406;
const END = 49_407;
let scratch = '';
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'clip-models-'));
});
after(() => rm(scratch, { recursive: true }));

const open = (directory: string, file: 'textual' | 'visual') =>
  InferenceSession.create(join(directory, `${file}.onnx`), { intraOpNumThreads: 1, logSeverityLevel: 3 });

async function run(session: InferenceSession, feeds: Record<string, Tensor>): Promise<Tensor> {
  const results = await session.run(feeds);
  return results[session.outputNames[0]!]!;
}

function ids(...texts: number[][]): Tensor {
  const rows = new Int32Array(texts.length * CONTEXT);
  for (const [i, text] of texts.entries()) rows.set([START, ...text, END], i * CONTEXT);
  return new Tensor('int32', rows, [texts.length, CONTEXT]);
}

/** Noise, each picture brighter than the one before: a ResNet averages noise alone away. */
function pixels(batch: number, resolution: number): Tensor {
  const random = randomIntegers('pixels');
  const size = 3 * resolution ** 2;
  const values = Float32Array.from(
    { length: batch * size },
    (_, i) => random() / 2 ** 31 - 1 + Math.floor(i / size),
  );
  return new Tensor('float32', values, [batch, 3, resolution, resolution]);
}

const row = (tensor: Tensor, i: number) =>
  (tensor.data as Float32Array).subarray(i * tensor.dims[1]!, (i + 1) * tensor.dims[1]!);
const norm = (values: Float32Array) => Math.hypot(...values);
const difference = (a: Float32Array, b: Float32Array) =>
  Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

const QUICK: Preset[] = ['tiny', 'tiny-224', 'RN-tiny', 'echo-text', 'echo-image-32', 'pad'];
for (const preset of QUICK) {
  test(`${preset}: both towers run on any batch and give rows of one width`, async () => {
    const { width, resolution } = PRESETS[preset];
    const directory = await testModel(preset);
    const [text, image] = await Promise.all([open(directory, 'textual'), open(directory, 'visual')]);
    const texts = await run(text, { input_ids: ids([320, 736, 3055], [518], []) });
    const images = await run(image, { pixel_values: pixels(2, resolution) });
    assert.deepEqual(
      [texts.dims, images.dims],
      [
        [3, width],
        [2, width],
      ],
    );
    for (const vector of [row(texts, 0), row(images, 0), row(images, 1)]) {
      assert.ok(vector.every(Number.isFinite));
      assert.ok(norm(vector) > 0.1);
    }
    assert.ok(difference(row(texts, 0), row(texts, 1)) > 0.01);
    assert.ok(difference(row(images, 0), row(images, 1)) > 0.01);
  });
}

test('what stands after the end token does not reach the vector', async () => {
  const session = await open(await testModel('tiny'), 'textual');
  const input = ids([320, 736], [320, 736]);
  (input.data as Int32Array).fill(1000, CONTEXT + 4);
  const output = await run(session, { input_ids: input });
  assert.deepEqual(row(output, 0), row(output, 1));
});

test('a row of a batch equals the row alone', async () => {
  const session = await open(await testModel('RN-tiny'), 'visual');
  const both = pixels(2, 224);
  const second = new Tensor('float32', (both.data as Float32Array).slice(3 * 224 ** 2), [1, 3, 224, 224]);
  const together = row(await run(session, { pixel_values: both }), 1);
  const alone = row(await run(session, { pixel_values: second }), 0);
  assert.ok(difference(together, alone) < 1e-5 * norm(alone));
});

test('echo models return the ids and the pixels bit by bit', async () => {
  const text = await open(await testModel('echo-text'), 'textual');
  const input = ids([320, 49_405], [1]);
  const echoed = await run(text, { input_ids: input });
  for (const i of [0, 1]) {
    const sent = Float32Array.from((input.data as Int32Array).subarray(i * CONTEXT, (i + 1) * CONTEXT));
    assert.deepEqual(row(echoed, i).subarray(0, CONTEXT), sent);
    assert.ok(
      row(echoed, i)
        .subarray(CONTEXT)
        .every((value) => value === 0),
    );
  }
  for (const resolution of [32, 224] as const) {
    const image = await open(await testModel(`echo-image-${resolution}`), 'visual');
    const picture = pixels(1, resolution);
    assert.deepEqual((await run(image, { pixel_values: picture })).data, picture.data);
  }
});

test('the projection of echo-text sees every pixel', async () => {
  const session = await open(await testModel('echo-text'), 'visual');
  const picture = pixels(1, 224);
  const before = row(await run(session, { pixel_values: picture }), 0).slice();
  (picture.data as Float32Array)[3 * 224 ** 2 - 1]! += 100;
  assert.ok(difference(row(await run(session, { pixel_values: picture }), 0), before) > 1e-4);
});

async function digest(name: string, options: ModelOptions): Promise<string[]> {
  const directory = join(scratch, name);
  await makeModel(directory, options);
  const files = (await readdir(directory)).sort();
  const hash = async (file: string) =>
    createHash('sha256')
      .update(await readFile(join(directory, file)))
      .digest('hex');
  return Promise.all(files.map(hash));
}

test('the seed decides every byte', async () => {
  const first = await digest('a', { preset: 'tiny', seed: 5 });
  assert.deepEqual(await digest('b', { preset: 'tiny', seed: 5 }), first);
  const other = await digest('c', { preset: 'tiny', seed: 6 });
  assert.ok(other.every((hash, i) => hash !== first[i]));
});

test('external weights, int64 ids and a mask change nothing in the vectors', async () => {
  const plain = await testModel('tiny');
  const directory = await testModel('tiny', { external: true, ids: 'int64', attentionMask: true });
  assert.deepEqual((await readdir(directory)).sort(), [
    'textual.onnx',
    'textual.onnx.data',
    'visual.onnx',
    'visual.onnx.data',
  ]);
  const input = ids([320, 736]);
  const wide = new Tensor('int64', BigInt64Array.from([...(input.data as Int32Array)], BigInt), [1, CONTEXT]);
  const mask = new Tensor('int64', new BigInt64Array(CONTEXT), [1, CONTEXT]);
  const expected = await run(await open(plain, 'textual'), { input_ids: input });
  const actual = await run(await open(directory, 'textual'), { input_ids: wide, attention_mask: mask });
  assert.deepEqual(actual.data, expected.data);
  const picture = { pixel_values: pixels(1, 32) };
  const images = await Promise.all(
    [plain, directory].map(async (at) => run(await open(at, 'visual'), picture)),
  );
  assert.deepEqual(images[1]!.data, images[0]!.data);
});

test('uint8 pixels are normalised inside', async () => {
  const session = await open(await testModel('echo-image-32', { pixels: 'uint8' }), 'visual');
  const bytes = Uint8Array.from({ length: 3 * 32 * 32 }, (_, i) => (i * 37) % 256);
  const output = row(await run(session, { pixel_values: new Tensor('uint8', bytes, [1, 32, 32, 3]) }), 0);
  const mean = [0.48145466, 0.4578275, 0.40821073];
  const std = [0.26862954, 0.26130258, 0.27577711];
  for (const [i, value] of output.entries()) {
    const plane = Math.floor(i / 1024);
    const expected = (bytes[(i % 1024) * 3 + plane]! / 255 - mean[plane]!) / std[plane]!;
    assert.ok(Math.abs(value - expected) < 1e-6, `component ${i}: expected ${expected}, got ${value}`);
  }
});

test('normalised vectors point where the others do, with length 1', async () => {
  const [plain, unit] = await Promise.all([testModel('tiny'), testModel('tiny', { normalised: true })]);
  const feeds = { input_ids: ids([320, 736]) };
  const raw = row(await run(await open(plain, 'textual'), feeds), 0);
  const length = norm(raw);
  const output = row(await run(await open(unit, 'textual'), feeds), 0);
  assert.ok(Math.abs(length - 1) > 0.1);
  assert.ok(
    difference(
      output,
      raw.map((value) => value / length),
    ) < 1e-6,
  );
});

test('float16, fixed batch and own names are declared as chosen', async () => {
  const names = { pixels: 'image', ids: 'text', output: 'embedding' };
  const directory = await testModel('tiny', { io: 'float16', fixedBatch: true, names });
  const [text, image] = await Promise.all([open(directory, 'textual'), open(directory, 'visual')]);
  const shape = { isTensor: true };
  assert.deepEqual(image.inputMetadata, [
    { ...shape, name: 'image', type: 'float16', shape: [1, 3, 32, 32] },
  ]);
  assert.deepEqual(image.outputMetadata, [{ ...shape, name: 'embedding', type: 'float16', shape: [1, 32] }]);
  assert.deepEqual(text.inputMetadata, [{ ...shape, name: 'text', type: 'int32', shape: [1, CONTEXT] }]);
  const half = halfTensor(new Uint16Array(3 * 32 * 32).fill(0x3c00), [1, 3, 32, 32]);
  assert.deepEqual((await run(image, { image: half })).dims, [1, 32]);
});

test('GELU and QuickGELU give different vectors', async () => {
  const feeds = { pixel_values: pixels(1, 32) };
  const [quick, plain] = await Promise.all([testModel('tiny'), testModel('tiny', { activation: 'gelu' })]);
  const outputs = [];
  for (const directory of [quick, plain])
    outputs.push(row(await run(await open(directory, 'visual'), feeds), 0));
  const gap = difference(outputs[0]!, outputs[1]!);
  assert.ok(gap > 1e-4 && gap < 0.1 * norm(outputs[0]!), `largest difference ${gap}`);
});

test('a model asked for many times at once is made once', async () => {
  const directories = await Promise.all(Array.from({ length: 5 }, () => testModel('tiny', { seed: 4242 })));
  assert.equal(new Set(directories).size, 1);
  assert.deepEqual((await readdir(directories[0]!)).sort(), ['textual.onnx', 'visual.onnx']);
});
