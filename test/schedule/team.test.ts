import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeVector } from '../engine/fake.ts';
import { Scene } from './scene.ts';
import { turn } from './wound-clock.ts';

const range = (count: number, from = 1) => Array.from({ length: count }, (_, i) => i + from);

test('few pictures take the engine with all threads, many share those with a part each', async () => {
  const scene = await Scene.started({ parts: 2, maxBatch: 32 });
  assert.deepEqual(await Promise.all(range(3).map((key) => scene.image(key))), range(3).map(fakeVector));
  assert.deepEqual([scene.images.seen, scene.parts.seen], [[range(3)], []]);
  assert.deepEqual(await Promise.all(range(4).map((key) => scene.image(key))), range(4).map(fakeVector));
  assert.deepEqual([scene.images.seen, scene.parts.seen], [[range(3)], [range(2), range(2, 3)]]);
});

test('the whole and its parts never run at once', async () => {
  const scene = await Scene.started({ parts: 2, maxBatch: 4 });
  scene.images.held = scene.parts.held = true;
  const answers = [scene.image(1)];
  await turn();
  answers.push(...range(9, 2).map((key) => scene.image(key)));
  await turn();
  assert.deepEqual([scene.images.running.length, scene.parts.running.length], [1, 0]);
  scene.images.release();
  await turn();
  assert.deepEqual([scene.images.running.length, scene.parts.running.length], [0, 2]);
  scene.parts.release(1);
  await turn();
  assert.deepEqual(scene.parts.seen, [range(4, 2), range(4, 6), [10]]);
  answers.push(scene.image(11));
  scene.parts.release(1);
  await turn();
  assert.deepEqual(scene.parts.seen.at(-1), [11]);
  assert.equal(scene.images.running.length, 0, 'a part still runs');
  scene.parts.release();
  await Promise.all(answers);
  answers.push(scene.image(12));
  await turn();
  assert.deepEqual(scene.images.running.length, 1);
  scene.images.release();
  assert.deepEqual(await Promise.all(answers), range(12).map(fakeVector));
});

test('an engine on a GPU has no parts', async () => {
  const scene = new Scene({ parts: 2, maxBatch: 4 });
  scene.images.description.device = 'cuda:0';
  await scene.scheduler.start(new AbortController().signal);
  assert.deepEqual([scene.images.made, scene.parts.made], [1, 0]);
});

test('parts take over from a whole that failed, and it from them', async () => {
  const scene = await Scene.started({ parts: 2, maxBatch: 4 });
  scene.images.script.push('throw');
  assert.deepEqual(await scene.image(1), fakeVector(1));
  assert.deepEqual(scene.parts.seen, [[1]]);
  scene.parts.script.push('hang', 'hang');
  const answers = range(4).map((key) => scene.image(key));
  await turn();
  await scene.clock.wind(10_000);
  await scene.clock.wind(1000);
  assert.deepEqual(await Promise.all(answers), range(4).map(fakeVector));
  await scene.scheduler.close();
  assert.equal(scene.images.closed, scene.images.made);
  assert.equal(scene.parts.closed, scene.parts.made);
});

test('a scheduler that is closed while the whole starts makes no parts', async () => {
  const scene = new Scene({ parts: 2 });
  const stop = new AbortController();
  const started = scene.scheduler.start(stop.signal);
  stop.abort(new Error('stopped'));
  await assert.rejects(started, /stopped/);
  assert.equal(scene.parts.made, 0);
});
