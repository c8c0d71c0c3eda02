import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeVector } from '../engine/fake.ts';
import { Scene } from './scene.ts';
import { turn } from './wound-clock.ts';

const range = (count: number, from = 1) => Array.from({ length: count }, (_, i) => i + from);

test('a lone item goes to an idle engine at once', async () => {
  const scene = await Scene.started({ maxBatch: 32 });
  assert.deepEqual(await scene.text(7), fakeVector(7));
  assert.deepEqual(scene.batches, [1]);
});

test('what one turn of the event loop brings travels together, each to its own vector', async () => {
  const scene = await Scene.started({ maxBatch: 32 });
  const answers = await Promise.all(range(20).map((key) => scene.text(key)));
  assert.deepEqual(answers, range(20).map(fakeVector));
  assert.deepEqual(scene.batches, [20]);
});

test('a batch holds at most the largest number, in the order of arrival', async () => {
  const scene = await Scene.started({ maxBatch: 4 });
  await Promise.all(range(10).map((key) => scene.text(key)));
  assert.deepEqual(scene.stage.seen, [range(4), range(4, 5), range(2, 9)]);
});

test('under load batches are full, and nobody is overtaken', async () => {
  const scene = await Scene.started({ maxBatch: 8 });
  scene.stage.held = true;
  const answers: Promise<unknown>[] = [];
  for (let step = 0; step < 50; step++) {
    for (const key of range(10, step * 10 + 1)) answers.push(scene.text(key));
    await turn();
    scene.stage.release();
  }
  scene.stage.held = false;
  scene.stage.release();
  await Promise.all(answers);
  const mean = 500 / scene.batches.length;
  assert.ok(mean >= 0.9 * 8, `mean batch ${mean}`);
  assert.deepEqual(scene.stage.seen.flat(), range(500));
});

test('idle replicas share what waits', async () => {
  const scene = await Scene.started({ replicas: 2, maxBatch: 32 });
  scene.stage.held = true;
  const answers = range(8).map((key) => scene.text(key));
  await turn();
  assert.deepEqual(scene.batches, [4, 4]);
  scene.stage.release();
  assert.deepEqual(await Promise.all(answers), range(8).map(fakeVector));
});

test('texts do not wait for images in the engine, nor images for texts', async () => {
  const scene = await Scene.started({ maxBatch: 2 });
  scene.images.held = true;
  const images = range(5).map((key) => scene.image(key));
  await turn();
  assert.deepEqual(await Promise.all(range(3).map((key) => scene.text(key))), range(3).map(fakeVector));
  assert.deepEqual(scene.images.seen, [[1, 2]]);
  scene.stage.held = true;
  const text = scene.text(9);
  await turn();
  scene.images.held = false;
  scene.images.release();
  assert.deepEqual(await Promise.all(images), range(5).map(fakeVector));
  assert.deepEqual(scene.images.seen, [[1, 2], [3, 4], [5]]);
  scene.stage.release();
  assert.deepEqual(await text, fakeVector(9));
});

test('the queue, the batches and the time in the queue are measured', async () => {
  const scene = await Scene.started({ maxBatch: 4 });
  scene.stage.held = true;
  const answers = range(6).map((key) => scene.text(key));
  await turn();
  assert.equal(await scene.value('clip_queue_length', { tower: 'text' }), 2);
  scene.stage.held = false;
  await scene.clock.wind(500);
  scene.stage.release();
  await Promise.all(answers);
  assert.equal(await scene.value('clip_queue_length', { tower: 'text' }), 0);
  const text = await scene.metrics.text();
  assert.match(text, /clip_batch_size_sum\{tower="text"\} 6/);
  assert.match(text, /clip_queue_seconds_sum\{tower="text"\} 1\n/);
  assert.match(text, /clip_engine_seconds_sum\{tower="text"\} 0.5\n/);
});
