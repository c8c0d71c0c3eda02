import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { sessionOptions } from '../../../src/engine/onnx-open.ts';
import { plannedGraph, weightsDigest, writeGraph } from '../../../src/engine/tensorrt/building/graph.ts';
import { judgeParity } from '../../../src/engine/tensorrt/parity.ts';
import { type ParityInput, parityInputs } from '../../../src/engine/tensorrt/parity-inputs.ts';
import { runParity } from '../../../src/engine/tensorrt/parity-runs.ts';
import type { Recipe } from '../../../src/engine/tensorrt/plan.ts';
import { referenceVectors } from '../../../src/engine/tensorrt/reference.ts';
import type { Tower, TowerContract } from '../../../src/model/tower.ts';
import type { Feed } from '../../../src/native/tensorrt.ts';
import { testContract } from '../contract.ts';
import { testMeans } from './means.ts';

type Elements = Feed['data'][number];

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'clip-parity-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function joined(data: readonly Elements[]): Elements {
  const Kind = data[0]!.constructor as new (length: number) => Elements;
  const whole = new Kind(data.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of data) {
    (whole as { set(from: Elements, at: number): void }).set(part, at);
    at += part.length;
  }
  return whole;
}

/** A context that ONNX Runtime stands in for. */
async function contextOf({ path, input, output }: TowerContract) {
  const session = await InferenceSession.create(path, sessionOptions(['cpu'], 1));
  const run = async (feeds: readonly Feed[]): Promise<Float32Array> => {
    const tensors = feeds.map(({ name, shape, data }) => {
      const type = name === input.name ? input.type : 'int32';
      return [name, new Tensor(type as 'int32', joined(data) as Int32Array, shape)] as const;
    });
    return ((await session.run(Object.fromEntries(tensors)))[output.name]!.data as Float32Array).slice();
  };
  return { run, release: () => session.release() };
}

async function judged(
  contract: TowerContract,
  inputs: readonly ParityInput[],
  reference: readonly Float32Array[],
  spoil: (vectors: Float32Array) => Float32Array = (vectors) => vectors,
) {
  const { run, release } = await contextOf(contract);
  const context = { run: async (feeds: readonly Feed[]) => spoil(await run(feeds)) };
  const all = inputs.map(({ input }) => input);
  const runs = await runParity(context, { contract, inputs: all, maxBatch: 20, onStep: () => {} });
  await release();
  return judgeParity({ names: inputs.map(({ name }) => name), reference, runs });
}

async function given(tower: Tower) {
  const model = await testContract('tiny');
  const inputs = await parityInputs(tower, await testMeans(model.image.resolution!));
  const original = model[tower];
  const reference = await referenceVectors(
    original,
    inputs.map(({ input }) => input),
    1,
    () => {},
  );
  return { original, inputs, reference };
}

for (const tower of ['text', 'image'] as const)
  test(`graphs of each recipe pass the gate in ONNX Runtime: ${tower}`, async (t) => {
    const { original, inputs, reference } = await given(tower);
    for (const recipe of ['original', 'fp32', 'fp32-residual', 'fp16'] as Recipe[]) {
      const contract = await writeGraph(original, recipe, await folderOf(t));
      const verdict = await judged(contract, inputs, reference);
      assert.ok(verdict.passed, `${recipe}: ${JSON.stringify(verdict)}`);
      assert.equal(verdict.parity.inputs, inputs.length);
    }
  });

test('rows that a run gives in another order do not pass', async (t) => {
  const { original, inputs, reference } = await given('text');
  const contract = await writeGraph(original, 'fp32', await folderOf(t));
  const width = reference[0]!.length;
  const turned = (vectors: Float32Array) => {
    const rows = Array.from({ length: vectors.length / width }, (_, i) =>
      vectors.slice(i * width, (i + 1) * width),
    );
    return Float32Array.from(rows.length < 20 ? vectors : rows.reverse().flatMap((row) => [...row]));
  };
  const verdict = await judged(contract, inputs, reference, turned);
  assert.ok(!verdict.passed, 'a full batch in reverse');
  assert.match(verdict.reason, /row 1 of 20: /);
});

test('what a plan is keyed and fed by is the graph that is written, in buckets of columns', async (t) => {
  const { text, image } = await testContract('tiny');
  const planned = await plannedGraph(text);
  assert.ok(!('unrecognised' in planned), JSON.stringify(planned));
  const written = await writeGraph(text, 'fp32', await folderOf(t));
  assert.deepEqual({ ...planned, bytes: 0 }, { ...written, path: text.path, bytes: 0 });
  assert.deepEqual([planned.cut?.lengths, planned.end?.name], [[16, 32, 48, 77], 'end']);
  const pictures = await plannedGraph(image);
  assert.ok(!('unrecognised' in pictures), JSON.stringify(pictures));
  assert.deepEqual([pictures.layout, pictures.input.type], ['nhwc', 'uint8']);
  assert.ok('unrecognised' in (await plannedGraph((await testContract('sum')).text)), 'a sum is no tower');
});

test('weights have one checksum, whatever folder notes it, and other weights another', async (t) => {
  const [one, other] = [(await testContract('tiny')).text, (await testContract('tiny', { seed: 1 })).text];
  const digest = await weightsDigest(one, await folderOf(t));
  assert.match(digest, /^[0-9a-f]{64}$/);
  assert.equal(await weightsDigest(one, await folderOf(t)), digest);
  assert.notEqual(await weightsDigest(other, await folderOf(t)), digest);
});
