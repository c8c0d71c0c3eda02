import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { obtainPlan } from '../../src/engine/tensorrt/build-plan.ts';
import { askBuilder } from '../../src/engine/tensorrt/building/process.ts';
import { type InputMeans, parityInputs } from '../../src/engine/tensorrt/parity-inputs.ts';
import { PlanStore } from '../../src/engine/tensorrt/plan-store.ts';
import { towerRecipe } from '../../src/engine/tensorrt/recipes.ts';
import { TOWERS } from '../../src/model/catalogue.ts';
import type { TextInput, TowerInput } from '../../src/model/tower.ts';
import { silentLog } from '../../src/observe/log.ts';
import { testContract } from '../engine/contract.ts';
import { testMeans } from '../engine/tensorrt/means.ts';
import { fakeEnvironment } from '../fakes/environment.ts';
import { readFakeLog } from '../fakes/log.ts';
import { emptyFolder } from '../model/folder.ts';
import { PRESETS } from '../models/presets.ts';
import { testModel } from '../models/test-model.ts';
import { fakeFolder, GpuServer, noFakes } from './gpu-server.ts';

const skip = await noFakes();
const { width, resolution } = PRESETS.tiny;
/** Inputs of the gate: few, for its judgement is tried elsewhere. */
const GATED = 4;
const PHOTO = resolve(import.meta.dirname, '../../data/parity');

/** What the fakes make of an input, whatever the graph: the sum of its numbers, and the component's place. */
function sumVector(input: TowerInput): Float32Array {
  let sum = 0;
  for (const number of input instanceof Uint8Array ? input : (input as TextInput).ids) sum += number;
  return Float32Array.from({ length: width }, (_, j) => sum + j);
}

/**
 * Keeps engines of a recognised model as a start would build them: written by its recipe, built, run through the gate. The
 * fakes compute no transformer, so the vectors that the gate compares with are the fakes' own.
 */
async function keepEngines(engines: string, fakes: string, t: TestContext): Promise<InputMeans> {
  const model = await testContract('tiny');
  const means = await testMeans(resolution);
  const store = await PlanStore.open(
    { folder: engines, maxBytes: 1e9, waitMs: 60_000, buildMs: 60_000 },
    { log: silentLog },
  );
  const ask = (async (task, options) =>
    task.do === 'reference'
      ? { reference: task.inputs.map(sumVector) }
      : askBuilder(task, options)) as typeof askBuilder;
  for (const tower of TOWERS)
    await obtainPlan({
      store,
      model: model.name,
      contract: model[tower],
      recipe: await towerRecipe('tiny', tower),
      libraries: {
        major: 10,
        infer: join(fakes, 'libnvinfer.so.10'),
        parser: join(fakes, 'libnvonnxparser.so.10'),
      },
      environment: { ...process.env, ...fakeEnvironment(fakes) },
      device: 0,
      inputs: async () => (await parityInputs(tower, means)).slice(0, GATED),
      threads: 1,
      cache: await emptyFolder(t),
      limitMs: 120_000,
      label: `tiny ${tower}`,
      ask,
      log: silentLog,
      progress: () => {},
      signal: new AbortController().signal,
    });
  store.close();
  return means;
}

test('fake TensorRT serves a rewritten model: texts by their lengths, pictures as bytes, from request to vector', {
  skip,
}, async (t) => {
  const folder = await fakeFolder(t);
  const engines = join(await emptyFolder(t), 'engines');
  const { encode, crop } = await keepEngines(engines, folder, t);
  const log = join(folder, 'log');
  // Every run in the log is a request's.
  const encoder = { fallback: false, canary_interval: 0 };
  const model = await testModel('tiny');
  const server = await GpuServer.start(t, { folder, engines, model, encoder, knobs: { log } });
  await server.ready();
  const { precision, recipe, runtime } = await server.status();
  assert.deepEqual([runtime, recipe, precision], ['tensorrt', 'fp16', 'fp16']);
  const before = (await readFakeLog(log)).length;
  const texts = ['a', 'a photo of a cat', 'red apple '.repeat(9), 'one word more '.repeat(40)];
  const photos = await Promise.all(['cat', 'coffee'].map((name) => readFile(join(PHOTO, `${name}.jpg`))));
  const { status, body } = await server.post([
    ...texts.map((text) => ({ text })),
    ...photos.map((photo) => ({ uri: `data:image/jpeg;base64,${photo.toString('base64')}` })),
  ]);
  assert.equal(status, 200, JSON.stringify(body));
  const inputs = [...texts.map(encode), ...(await Promise.all(photos.map(crop)))];
  for (const [at, input] of inputs.entries())
    assert.deepEqual(body.data[at].embedding, [...sumVector(input)], `document ${at + 1}`);
  const [alone] = (await server.post([{ text: 'a' }])).body.data;
  assert.deepEqual(alone.embedding, body.data[0].embedding);
  const runs = (await readFakeLog(log)).slice(before).map(({ text }) => text);
  assert.ok(
    runs.some((run) => run.endsWith(`,${resolution},${resolution},3)`)),
    `pictures as bytes: ${runs}`,
  );
  assert.equal(runs.at(-1), 'run (1,16)', 'a short text takes few columns');
  assert.equal(await server.stop(), 0);
});
