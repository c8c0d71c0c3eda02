import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Engine } from '../../src/engine/engine.ts';
import { onnxEngines, threadsPerReplica } from '../../src/engine/onnx.ts';
import { type OnnxSettings, testCard } from '../../src/engine/onnx-open.ts';
import { ClipError } from '../../src/errors.ts';
import type { ModelContract, TextInput, Tower, TowerContract } from '../../src/model/tower.ts';
import { Graph } from '../models/graph.ts';
import { writeOnnxFile } from '../models/onnx-file.ts';
import type { ModelOptions } from '../models/options.ts';
import { testContract } from './contract.ts';

const FOREVER = new AbortController().signal;
const MEAN = [0.48145466, 0.4578275, 0.40821073].map(Math.fround);
const STD = [0.26862954, 0.26130258, 0.27577711].map(Math.fround);

const open: Engine[] = [];
after(() => Promise.all(open.map((engine) => engine.close())));
/** The tests that do not end their engines share these. */
const tiny = testContract('tiny').then(enginesOf);

function settings(contract: TowerContract, more: Partial<OnnxSettings> = {}): OnnxSettings {
  const device = { kind: 'cpu', index: 0 } as const;
  const probe = contract.tower === 'text' ? text(320, 1125) : testCard(contract.resolution!);
  return { contract, device, deviceIsExplicit: false, threads: 1, probe, ...more };
}

async function enginesOf({ text, image }: ModelContract): Promise<Record<Tower, Engine>> {
  return { text: await engineOf(text), image: await engineOf(image) };
}

async function engineOf(contract: TowerContract, more: Partial<OnnxSettings> = {}): Promise<Engine> {
  const engine = await onnxEngines(settings(contract, more)).create(FOREVER);
  open.push(engine);
  return engine;
}

function text(...tokens: number[]): TextInput {
  const ids = new Int32Array(77);
  ids.set([49406, ...tokens, 49407]);
  return { ids, length: tokens.length + 2 };
}

function picture(resolution: number, seed: number): Uint8Array {
  return Uint8Array.from(
    { length: 3 * resolution ** 2 },
    (_, i) => (i * (seed * 2 + 1) * 31 + (i >> 7)) & 255,
  );
}

/** The rule of CLIP's preprocessing, written out once more: interleaved bytes → normalised planes, in float32 steps. */
function planes(pixels: Uint8Array): Float32Array {
  const size = pixels.length / 3;
  return Float32Array.from({ length: pixels.length }, (_, i) => {
    const channel = Math.floor(i / size);
    const x = Math.fround(pixels[(i % size) * 3 + channel]! / 255);
    return Math.fround(Math.fround(x - MEAN[channel]!) / STD[channel]!);
  });
}

async function direct(path: string, feeds: Record<string, Tensor>): Promise<Float32Array> {
  const session = await InferenceSession.create(path, {
    intraOpNumThreads: 1,
    extra: { session: { 'intra_op.allow_spinning': '0' } },
  });
  const { output } = await session.run(feeds);
  return output!.data as Float32Array;
}

const run = (engine: Engine, inputs: readonly (TextInput | Uint8Array)[]) => engine.run(inputs, FOREVER);

const texts = [text(320, 2368), text(), text(...Array.from({ length: 75 }, (_, i) => i + 1))];
const pictures = [picture(32, 1), picture(32, 2), picture(32, 3)];

test('both towers give what ONNX Runtime gives when called directly', async () => {
  const contract = await testContract('tiny');
  const engines = await tiny;
  const ids = new Int32Array(texts.flatMap(({ ids }) => [...ids]));
  const floats = new Float32Array(pictures.flatMap((pixels) => [...planes(pixels)]));
  assert.deepEqual(
    await run(engines.text, texts),
    await direct(contract.text.path, { input_ids: new Tensor('int32', ids, [3, 77]) }),
  );
  assert.deepEqual(
    await run(engines.image, pictures),
    await direct(contract.image.path, { pixel_values: new Tensor('float32', floats, [3, 3, 32, 32]) }),
  );
});

test('the inputs stay with the caller, for a second try', async () => {
  const { image } = await tiny;
  const first = await run(image, pictures);
  assert.deepEqual(pictures[0], picture(32, 1));
  assert.deepEqual(await run(image, pictures), first);
});

test('the attention mask is 1 for the tokens that count', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'clip-mask-'));
  try {
    const contract = await testContract('echo-image-32', { attentionMask: true });
    const path = join(directory, 'textual.onnx');
    const graph = new Graph('mask');
    graph.input('input_ids', 'int32', ['batch', 77]);
    const mask = graph.op('Cast', [graph.input('attention_mask', 'int32', ['batch', 77])], { to: 1 });
    const padded = graph.op('Pad', [mask, graph.integers([0, 0, 0, 3072 - 77])]);
    graph.output(padded, { name: 'output', type: 'float32', shape: ['batch', 3072] });
    await writeOnnxFile(path, graph, { seed: '0', external: false, metadata: {} });
    const engine = await engineOf({ ...contract.text, path });
    const rows = await run(engine, [text(5, 6), text()]);
    assert.deepEqual([...rows.subarray(0, 77)], [1, 1, 1, 1, ...Array(73).fill(0)]);
    assert.deepEqual([...rows.subarray(3072, 3072 + 77)], [1, 1, ...Array(75).fill(0)]);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('a smaller batch after a larger one holds nothing of it', async () => {
  const { image } = await tiny;
  const alone = await run(image, [pictures[2]!]);
  await run(image, pictures);
  assert.deepEqual(await run(image, [pictures[2]!]), alone);
});

const VARIANTS: [string, Omit<ModelOptions, 'preset'>, number][] = [
  ['int64 ids with a mask', { ids: 'int64', attentionMask: true }, 0],
  ['int32 ids with a mask', { attentionMask: true }, 0],
  ['external weights', { external: true }, 0],
  ['a fixed batch of 1', { fixedBatch: true }, 1e-6],
  ['raw uint8 pixels', { pixels: 'uint8' }, 1e-5],
  ['float16 pixels and vectors', { io: 'float16' }, 4e-3],
];
for (const [name, options, tolerance] of VARIANTS)
  test(`${name}: the vectors are those of the plain graph with the same weights`, async () => {
    const [plain, other] = [await tiny, await enginesOf(await testContract('tiny', options))];
    for (const [tower, inputs] of [
      ['text', texts],
      ['image', pictures],
    ] as const) {
      const [expected, got] = [await run(plain[tower], inputs), await run(other[tower], inputs)];
      assert.equal(got.length, expected.length);
      const largest = expected.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
      for (const [i, x] of expected.entries())
        assert.ok(Math.abs(got[i]! - x) <= tolerance * largest, `${tower}[${i}]: ${got[i]} for ${x}`);
      assert.equal(other[tower].describe().precision, options.io === 'float16' ? 'fp16' : 'fp32');
    }
  });

test('the pixels that enter the graph are the normalised ones, and ids come through unchanged', async () => {
  const engines = await enginesOf(await testContract('echo-image-32'));
  const [a, b] = pictures as [Uint8Array, Uint8Array];
  const echoed = await run(engines.image, [a, b]);
  assert.deepEqual(echoed, new Float32Array([...planes(a), ...planes(b)]));
  const ids = await run(engines.text, [texts[2]!]);
  assert.deepEqual([...ids.subarray(0, 77)], [...texts[2]!.ids]);
});

test('an engine knows its width, device and whether vectors have length 1, and how long an item takes', async () => {
  const [raw, unit] = [await tiny, await enginesOf(await testContract('tiny', { normalised: true }))];
  for (const tower of ['text', 'image'] as const) {
    assert.deepEqual(raw[tower].describe(), {
      runtime: 'onnxruntime',
      device: 'cpu',
      precision: 'fp32',
      width: 32,
      normalised: false,
      notice: undefined,
      tokensPerRun: 512,
    });
    assert.equal(unit[tower].describe().normalised, true);
    assert.ok((await raw[tower].warm(FOREVER)) > 0);
  }
});

const failsWith = (code: string, pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ClipError);
  assert.equal(error.code, code);
  assert.match(error.message, pattern);
  return true;
};

test('a width other than the contract states is refused when the engine is made', async () => {
  const { image } = await testContract('tiny');
  await assert.rejects(
    engineOf({ ...image, width: 64 }),
    failsWith('engine_failed', /visual\.onnx: expected vectors of 64.* got 32/),
  );
});

test('a file that does not load is named', async () => {
  const { text } = await testContract('tiny');
  const missing = { ...text, path: '/nowhere/textual.onnx' };
  await assert.rejects(engineOf(missing), failsWith('engine_failed', /nowhere\/textual\.onnx/));
});

test('CUDA without its library: an error where it was asked for, else the CPU and one line', async () => {
  const { image } = await testContract('tiny');
  const device = { kind: 'cuda', index: 1 } as const;
  await assert.rejects(
    engineOf(image, { device, deviceIsExplicit: true }),
    failsWith('engine_failed', /asks for device cuda:1, but ONNX Runtime cannot use it: .*device: cpu/s),
  );
  const engine = await engineOf(image, { device: { kind: 'auto', index: 0 } });
  assert.equal(engine.describe().device, 'cpu');
  assert.match(engine.describe().notice!, /cannot use cuda:0 \(.*\); running on the CPU/);
});

test('a run that ONNX Runtime refuses is engine_failed with its words', async () => {
  const engines = await tiny;
  await assert.rejects(
    run(engines.text, [text(99_999)]),
    failsWith('engine_failed', /ONNX Runtime: .*99999/s),
  );
});

test('an input of the wrong size never reaches the graph', async () => {
  const engines = await tiny;
  await assert.rejects(
    run(engines.image, [pictures[0]!, new Uint8Array(7)]),
    failsWith('internal', /image tower takes inputs of 3072 numbers, got 7/),
  );
  await assert.rejects(run(engines.text, [new Uint8Array(77)]), failsWith('internal', /text tower/));
});

test('an abort ends the wait; close waits for the run, and later runs are refused', async () => {
  const engines = onnxEngines(settings((await testContract('tiny')).image));
  const engine = await engines.create(FOREVER);
  const leave = new AbortController();
  const given = engine.run(pictures, leave.signal);
  leave.abort();
  await assert.rejects(given, failsWith('cancelled', /given up/));
  assert.equal(engines.computing(), 1);
  await Promise.all([engine.close(), engine.close()]);
  assert.equal(engines.computing(), 0);
  await assert.rejects(run(engine, pictures), failsWith('engine_failed', /closed/));
});

test('an abort during loading leaves no thread behind', async () => {
  const engines = onnxEngines(settings((await testContract('tiny')).image));
  await assert.rejects(engines.create(AbortSignal.abort()), failsWith('cancelled', /given up/));
  while (engines.computing() > 0) await setTimeout(10);
});

test('threads are shared evenly, at least one for each replica', () => {
  assert.deepEqual(threadsPerReplica(8, 3), [3, 3, 2]);
  assert.deepEqual(threadsPerReplica(2, 1), [2]);
  assert.deepEqual(threadsPerReplica(2, 4), [1, 1, 1, 1]);
});
