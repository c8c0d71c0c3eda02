import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { type Act, fakeVector } from '../engine/fake.ts';
import { Scene } from './scene.ts';
import { turn } from './wound-clock.ts';

const FAULTS: [string, Act, string, string][] = [
  ['throws', 'throw', 'engine_failed', 'failed'],
  ['hangs', 'hang', 'engine_timeout', 'timeout'],
  ['gives a wrong count', 'one row short', 'bad_vector', 'count'],
  ['gives NaN', 'not a number', 'bad_vector', 'vector'],
  ['gives a row of zeros', 'a row of zeros', 'bad_vector', 'vector'],
];
/** Bound of a run, then the pause before the new engine. */
const BOUND_MS = 10_000;
const PAUSE_MS = 1000;

for (const [name, act, code, cause] of FAULTS) {
  test(`an engine that ${name} once is replaced, and its batch is answered by the next`, async () => {
    const scene = await Scene.started();
    scene.stage.script.push(act);
    const answers = [1, 2, 3].map((key) => scene.text(key));
    await scene.clock.wind(act === 'hang' ? BOUND_MS : 0);
    assert.equal(scene.serving, 0);
    await scene.clock.wind(PAUSE_MS);
    assert.deepEqual(await Promise.all(answers), [1, 2, 3].map(fakeVector));
    assert.deepEqual([scene.stage.made, scene.stage.closed], [2, 1]);
    assert.equal(await scene.value('clip_replica_restarts_total', { tower: 'text', cause }), 1);
    assert.equal(await scene.value('clip_replicas', { tower: 'text', state: 'idle' }), 1);
    assert.deepEqual([scene.images.made, scene.images.closed], [1, 0]);
  });

  test(`with a second replica, an engine that ${name} costs no pause`, async () => {
    const scene = await Scene.started({ replicas: 2 });
    scene.stage.script.push(act);
    const answer = scene.text(1);
    await scene.clock.wind(act === 'hang' ? BOUND_MS : 0);
    assert.deepEqual(await answer, fakeVector(1));
    assert.equal(scene.serving, 1);
    await scene.clock.wind(PAUSE_MS);
    assert.equal(scene.serving, 2);
  });

  test(`a batch at which two engines fail is answered ${code}; the next request is right`, async () => {
    const scene = await Scene.started();
    // Two rows, of which a different one is bad each time where a row is bad: the inputs are not at fault.
    scene.stage.script.push(
      act,
      act === 'not a number' ? 'a row of zeros' : act === 'a row of zeros' ? 'not a number' : act,
    );
    // After an engine threw, the rows are tried one by one.
    if (act === 'throw') scene.stage.script.push(act);
    const answers = [1, 2].map((key) => scene.text(key));
    await scene.clock.wind(2 * BOUND_MS + PAUSE_MS);
    assert.deepEqual(await Promise.all(answers), [code, code]);
    const next = scene.text(3);
    await scene.clock.wind(2 * PAUSE_MS);
    assert.deepEqual(await next, fakeVector(3));
    assert.equal(scene.scheduler.pending, 0);
  });
}

test('a run may take twenty times what the warm-up measured', async () => {
  const scene = new Scene({ engineMs: 100 });
  scene.stage.msPerItem = 50;
  await scene.scheduler.start(new AbortController().signal);
  scene.stage.script.push('hang');
  const answer = scene.text(1);
  await scene.clock.wind(999);
  assert.equal(scene.serving, 1);
  await scene.clock.wind(1);
  assert.equal(scene.serving, 0);
  await scene.clock.wind(1000);
  assert.deepEqual(await answer, fakeVector(1));
});

test('an input without a vector on two engines is answered alone, and costs the second engine nothing', async () => {
  const scene = await Scene.started();
  scene.stage.poison.add(2);
  const answers = [1, 2, 3].map((key) => scene.text(key));
  await scene.clock.wind(PAUSE_MS);
  assert.deepEqual(await Promise.all(answers), [fakeVector(1), 'bad_vector', fakeVector(3)]);
  assert.equal(scene.stage.made, 2);
  assert.equal(scene.serving, 1);
});

test('an input at which engines throw takes no other with it', async () => {
  const scene = await Scene.started();
  scene.stage.venom.add(2);
  const answers = [1, 2, 3, 4].map((key) => scene.text(key));
  await scene.clock.wind(PAUSE_MS);
  assert.deepEqual(await answers[0], fakeVector(1));
  await scene.clock.wind(PAUSE_MS);
  assert.deepEqual(await Promise.all(answers), [
    fakeVector(1),
    'engine_failed',
    fakeVector(3),
    fakeVector(4),
  ]);
  assert.deepEqual(scene.stage.seen, [[1, 2, 3, 4], [1], [2], [3], [4]]);
  assert.equal(scene.stage.made, 3);
});

test('pauses double up to a minute, and a good run ends the series', async () => {
  const scene = await Scene.started();
  scene.stage.script.push('throw');
  scene.stage.starts.push(...Array.from({ length: 7 }, () => 'no engine today'));
  const answer = scene.text(1);
  await turn();
  for (const pause of [1, 2, 4, 8, 16, 32, 60, 60]) {
    const before = scene.stage.starts.length;
    await scene.clock.wind(pause * 1000 - 1);
    assert.equal(scene.stage.starts.length, before, `a start before ${pause} s`);
    assert.equal(scene.stage.made, 1);
    await scene.clock.wind(1);
  }
  assert.equal(scene.stage.made, 2);
  assert.equal(await answer, 'not_ready');
  assert.deepEqual(await scene.text(2), fakeVector(2));
  scene.stage.script.push('throw');
  const next = scene.text(3);
  await turn();
  await scene.clock.wind(PAUSE_MS);
  assert.deepEqual(await next, fakeVector(3));
});

test('while engines only fail, who waits is told so at once', async () => {
  const scene = await Scene.started();
  scene.stage.script.push('throw');
  scene.stage.starts.push('no', 'no', 'no');
  const [waiting, other] = [scene.text(1), scene.image(1)];
  await turn();
  const behind = scene.text(2);
  await scene.clock.wind(3000);
  assert.deepEqual(await Promise.all([waiting, behind]), ['not_ready', 'not_ready']);
  assert.equal(await scene.text(2), 'not_ready');
  assert.deepEqual(await Promise.all([other, scene.image(2)]), [fakeVector(1), fakeVector(2)]);
  await scene.clock.wind(4000 + 8000);
  assert.deepEqual(await scene.text(3), fakeVector(3));
});

function listeningLog() {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  return { log, lines: () => lines.map((line) => JSON.parse(line).msg) };
}

test('a batch that does not fit into memory is halved until it does, once', async () => {
  const { log, lines } = listeningLog();
  const scene = await Scene.started({ maxBatch: 8, log });
  const small = { outOfMemoryAbove: 2 };
  scene.stage.script.push(small, small, small);
  const keys = [1, 2, 3, 4, 5, 6, 7, 8];
  assert.deepEqual(await Promise.all(keys.map((key) => scene.text(key))), keys.map(fakeVector));
  assert.equal(scene.stage.made, 1);
  assert.deepEqual(scene.batches, [8, 4, 4, 2, 2, 2, 2]);
  assert.deepEqual(await Promise.all(keys.map((key) => scene.text(key))), keys.map(fakeVector));
  assert.deepEqual(scene.batches.slice(7), [2, 2, 2, 2]);
  assert.deepEqual(lines(), [
    'the memory does not take 8 texts of 1 tokens at once; from now on 4',
    'the memory does not take 4 texts of 1 tokens at once; from now on 2',
  ]);
});

test('an item that does not fit into memory alone is a fault of the engine', async () => {
  const scene = await Scene.started();
  scene.stage.script.push({ outOfMemoryAbove: 0 }, { outOfMemoryAbove: 0 });
  const answer = scene.text(1);
  await scene.clock.wind(PAUSE_MS);
  assert.equal(await answer, 'engine_failed');
  assert.equal(await scene.value('clip_replica_restarts_total', { cause: 'memory' }), 2);
});

test('a start that fails is the error of the first replica that failed, and closes the others', async () => {
  const scene = new Scene({ replicas: 3 });
  scene.stage.starts.push(undefined, 'no such device', undefined);
  await assert.rejects(scene.scheduler.start(new AbortController().signal), /no such device/);
  assert.equal(scene.stage.closed, scene.stage.made);
  assert.equal(await scene.value('clip_replicas'), 0);
});

test('engines of different widths, of one tower or of both, end the start', async () => {
  const scene = new Scene({ replicas: 2 });
  scene.images.description.width = 5;
  await assert.rejects(
    scene.scheduler.start(new AbortController().signal),
    /one width from all engines, got 4 \(text\), 4 \(text\), 5 \(image\), 5 \(image\)/,
  );
  assert.deepEqual([scene.stage.closed, scene.images.closed], [2, 2]);
});

test('a start that is given up ends with the reason of the signal, and closes what was made', async () => {
  const scene = new Scene({ replicas: 2 });
  const patience = new AbortController();
  const started = scene.scheduler.start(patience.signal);
  patience.abort(new Error('too slow'));
  await assert.rejects(started, /too slow/);
  await turn();
  assert.deepEqual([scene.stage.closed, scene.images.closed], [scene.stage.made, scene.images.made]);
  await assert.rejects(new Scene().scheduler.start(AbortSignal.abort(new Error('no'))), /no/);
});

test('the engines of both towers are described together', async () => {
  const { log, lines } = listeningLog();
  const scene = new Scene({ replicas: 2, log });
  const notice = 'not what was asked for';
  Object.assign(scene.stage.description, { normalised: true, notice });
  Object.assign(scene.images.description, { device: 'cuda:0', precision: 'fp16', notice });
  await scene.scheduler.start(new AbortController().signal);
  assert.deepEqual(scene.scheduler.describe(), {
    runtime: 'fake',
    device: 'cpu, cuda:0',
    precision: 'fp16',
    width: 4,
    normalised: false,
  });
  assert.deepEqual(lines(), [notice]);
});

test('closing answers everyone, ends the engines, and refuses what comes later', async () => {
  const scene = await Scene.started({ replicas: 2, maxBatch: 1 });
  scene.stage.held = true;
  const answers = [1, 2, 3].map((key) => scene.text(key));
  await turn();
  await Promise.all([scene.scheduler.close(), scene.scheduler.close()]);
  assert.deepEqual(await Promise.all(answers), ['draining', 'draining', 'draining']);
  assert.equal(await scene.text(4), 'draining');
  assert.equal(scene.stage.closed, 2);
  assert.deepEqual([scene.scheduler.pending, scene.clock.armed, scene.serving], [0, 0, 0]);
});

test('closing ends a replica that waits for its next engine', async () => {
  const scene = await Scene.started();
  scene.stage.script.push('throw');
  const answer = scene.text(1);
  await turn();
  await scene.scheduler.close();
  assert.equal(await answer, 'draining');
  await scene.clock.wind(60_000);
  assert.equal(scene.stage.made, 1);
  assert.equal(scene.clock.armed, 0);
});
