import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { LostCause } from '../../src/engine/engine.ts';
import type { EnginesOptions } from '../../src/engine/tensorrt/engines.ts';
import { openEngines } from '../../src/engine/tensorrt/engines.ts';
import { ClipError } from '../../src/errors.ts';
import type { TextInput } from '../../src/model/tower.ts';
import { silentLog } from '../../src/observe/log.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import {
  FakeTensorRt,
  IMAGE,
  MAX_ROWS,
  planRecord,
  sumVector,
  TEXT,
  tensorRtError,
  WIDTH,
} from './fake-tensorrt.ts';

const signal = new AbortController().signal;

function text(...tokens: number[]): TextInput {
  const ids = new Int32Array(8);
  ids.set([1, ...tokens, 99]);
  return { ids, length: tokens.length + 2 };
}

const picture = (value: number) => new Uint8Array(12).fill(value);
const CANARIES = { text: text(5, 6), image: picture(3) };
const EXPECTED = { text: sumVector(CANARIES.text.ids), image: sumVector(CANARIES.image) };

async function scene(options: Partial<EnginesOptions> = {}, tensorRt = new FakeTensorRt()) {
  const lost: LostCause[] = [];
  const planned: number[] = [];
  const metrics = new Metrics();
  const plan = new Uint8Array();
  const proved = (contract: typeof TEXT, canary: readonly number[]) => ({
    contract,
    proved: { record: planRecord(contract, canary), plan },
  });
  const engines = await openEngines({
    tensorRt,
    devices: [0],
    plansFor: async (device) => {
      planned.push(device);
      return { text: proved(TEXT, EXPECTED.text), image: proved(IMAGE, EXPECTED.image) };
    },
    canaries: CANARIES,
    probes: { text: text(2), image: picture(1) },
    hangMs: 60_000,
    canaryMs: 0,
    onLost: (cause) => void lost.push(cause),
    metrics,
    log: silentLog,
    ...options,
  });
  const make = (tower: 'text' | 'image') => engines.teams[tower][0]!.members[0]!(signal);
  return { tensorRt, lost, planned, metrics, engines, make };
}

test('vectors come in the order of the inputs, in runs of as many rows and columns as the plan takes', async () => {
  const { tensorRt, make } = await scene();
  const engine = await make('text');
  const texts = [text(7), text(1, 2, 3, 4), text(), text(2, 2), text(9)];
  const rows = await engine.run(texts, signal);
  assert.deepEqual(
    [...rows],
    texts.flatMap(({ ids }) => sumVector(ids)),
  );
  assert.deepEqual(tensorRt.shapes, [
    [MAX_ROWS, 8],
    [1, 4],
  ]);
  const images = await make('image');
  assert.deepEqual(
    [...(await images.run([picture(2), picture(9)], signal))],
    [...sumVector(picture(2)), ...sumVector(picture(9))],
  );
  assert.deepEqual(tensorRt.shapes.at(-1), [2, 2, 2, 3]);
});

test('an engine says what it is: runtime, device, precision, recipe, width', async () => {
  const { make } = await scene({ devices: [3] });
  assert.deepEqual((await make('image')).describe(), {
    runtime: 'tensorrt',
    device: 'cuda:3',
    precision: 'fp16',
    recipe: 'fp16',
    width: WIDTH,
    normalised: false,
  });
});

test('replicas on one GPU open its plans once, with two contexts each; closing gives all back', async () => {
  const { tensorRt, planned, engines } = await scene({ devices: [0, 1, 0] });
  assert.deepEqual(planned, [0, 1]);
  assert.deepEqual(tensorRt.opened, [0, 0, 1, 1]);
  for (const tower of ['text', 'image'] as const)
    assert.deepEqual(
      engines.teams[tower].map(({ members }) => members.length),
      [2, 2, 2],
    );
  assert.equal(tensorRt.contexts, 12);
  await engines.close();
  assert.deepEqual([tensorRt.opened, tensorRt.contexts], [[], 0]);
});

test('the engine that takes the place of another gets a context of the same plan', async () => {
  const { tensorRt, make } = await scene();
  const first = await make('text');
  await first.close();
  assert.equal(tensorRt.contexts, 3);
  const second = await make('text');
  assert.equal(tensorRt.contexts, 4);
  assert.deepEqual([...(await second.run([text(7)], signal))], sumVector(text(7).ids));
  assert.equal(tensorRt.opened.length, 2);
});

test('where the memory takes no second context there is one; where it takes none, that is the reason', async () => {
  const narrow = new FakeTensorRt();
  narrow.roomFor = 3;
  const { engines } = await scene({}, narrow);
  assert.deepEqual([engines.teams.text[0]!.members.length, engines.teams.image[0]!.members.length], [2, 1]);
  const none = new FakeTensorRt();
  none.roomFor = 2;
  await assert.rejects(scene({}, none), {
    code: 'engine_failed',
    message: 'the memory of cuda:0 takes no context of the image tower: cuMemAlloc: no room',
  });
  assert.deepEqual([none.opened, none.contexts], [[], 0], 'nothing is left open');
});

test('warming up runs every length and number of rows, and the canary', async () => {
  const { tensorRt, make, lost } = await scene();
  await (await make('text')).warm(signal);
  const columns = (count: number) => [1, 1, 2, 2, 3, 3, 4, 4, 1].map((rows) => [rows, count]);
  assert.deepEqual(tensorRt.shapes, [...columns(4), ...columns(8), [1, 4]]);
  assert.deepEqual(lost, []);
});

test('what TensorRT throws is retryable, in its own words; only a lost device is told', async () => {
  const { tensorRt, make, lost } = await scene();
  const engine = await make('image');
  const run = () => engine.run([picture(1)], signal);
  tensorRt.fault = tensorRtError('failed', 'enqueueV3 said no');
  await assert.rejects(run(), (error) => {
    assert.ok(error instanceof ClipError && error.kind.retryable, 'a client may try again');
    assert.match(error.message, /TensorRT: enqueueV3 said no/);
    return true;
  });
  tensorRt.fault = tensorRtError('memory', 'cuMemAlloc: error 2');
  await assert.rejects(run(), { code: 'engine_failed', message: /out of memory: cuMemAlloc/ });
  assert.deepEqual(lost, []);
  tensorRt.fault = undefined;
  assert.deepEqual([...(await run())], sumVector(picture(1)));
  tensorRt.fault = tensorRtError('sticky', 'error 700');
  await assert.rejects(run(), { code: 'engine_failed', message: /error 700/ });
  assert.deepEqual(lost, ['sticky']);
  tensorRt.fault = undefined;
  await assert.rejects(run(), { code: 'engine_failed', message: /the GPU is lost/ });
  assert.deepEqual(lost, ['sticky'], 'once');
});

test('a run that its bound ends is a GPU that hangs; a client that leaves is none', async () => {
  const { tensorRt, make, lost } = await scene();
  const engine = await make('image');
  let release = () => {};
  tensorRt.hold = new Promise((resolve) => {
    release = resolve;
  });
  const left = new AbortController();
  const first = engine.run([picture(1)], left.signal);
  left.abort(new ClipError('cancelled', 'left'));
  await assert.rejects(first, { code: 'cancelled' });
  assert.deepEqual(lost, []);
  const late = new AbortController();
  const second = engine.run([picture(1)], late.signal);
  late.abort(new ClipError('engine_timeout', 'late'));
  await assert.rejects(second, { code: 'engine_timeout' });
  assert.deepEqual(lost, ['hung']);
  await engine.close();
  release();
});

test('a canary in another place, beside work too, is a lost GPU, and counted', async () => {
  const { tensorRt, make, lost, metrics } = await scene({ canaryMs: 1 });
  const engine = await make('text');
  await engine.warm(signal);
  /** Works on until the metrics say so. */
  const until = async (line: RegExp) => {
    while (!line.test(await metrics.text())) {
      await engine.run([text(7)], signal).catch(() => {});
      await setImmediate();
    }
  };
  await until(/clip_canaries_total\{tower="text",outcome="ok"\} [1-9]/);
  assert.deepEqual(lost, []);
  tensorRt.offset = 1000;
  await until(/clip_canaries_total\{tower="text",outcome="wrong"\} 1/);
  assert.deepEqual(lost, ['canary']);
  const fresh = await scene({}, tensorRt);
  await assert.rejects((await fresh.make('text')).warm(signal), { message: /cosine/ });
  assert.deepEqual(fresh.lost, ['canary'], 'at the start as well');
});
