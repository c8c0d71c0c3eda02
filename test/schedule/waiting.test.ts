import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClipError } from '../../src/errors.ts';
import { fakeVector } from '../engine/fake.ts';
import { Scene, settled } from './scene.ts';
import { turn } from './wound-clock.ts';

/** A scene whose engines, one for each tower, are busy with item 0 until they are let go; gives the text's vector. */
async function busy(options: ConstructorParameters<typeof Scene>[0] = {}) {
  const scene = await Scene.started(options);
  const stages = [scene.stage, scene.images];
  for (const stage of stages) stage.held = true;
  const [text, image] = [scene.text(0), scene.image(0)];
  await turn();
  const finish = async () => {
    for (const stage of stages) {
      stage.held = false;
      stage.release();
    }
    await turn();
    assert.deepEqual(await image, fakeVector(0));
    return text;
  };
  return { scene, finish };
}

const seenKeys = (scene: Scene) => scene.stage.seen.flat();

test('an item whose deadline passes in the queue is answered then, and no engine sees it', async () => {
  const { scene, finish } = await busy();
  const late = scene.text(1, { deadline: scene.clock.now() + 100 });
  const patient = scene.text(2, { deadline: scene.clock.now() + 101 });
  await scene.clock.wind(100);
  assert.equal(await late, 'deadline_exceeded');
  await finish();
  assert.deepEqual(await patient, fakeVector(2));
  assert.deepEqual(seenKeys(scene), [0, 2]);
  assert.equal(scene.scheduler.pending, 0);
});

test('a deadline that passes while the engine works is answered in time, too', async () => {
  const scene = await Scene.started();
  scene.stage.held = true;
  const late = scene.text(1, { deadline: scene.clock.now() + 50 });
  const other = scene.text(2);
  await scene.clock.wind(50);
  assert.equal(await late, 'deadline_exceeded');
  scene.stage.release();
  assert.deepEqual(await other, fakeVector(2));
});

test('a deadline in the past is refused before anything is done', async () => {
  const scene = await Scene.started();
  assert.equal(await scene.text(1, { deadline: scene.clock.now() }), 'deadline_exceeded');
  await turn();
  assert.deepEqual(scene.batches, []);
});

test('nobody waits in the queue longer than the limit', async () => {
  const { scene, finish } = await busy({ queueMs: 1000 });
  const waiting = scene.text(1);
  await scene.clock.wind(999);
  assert.equal(scene.scheduler.pending > 0, true);
  await scene.clock.wind(1);
  assert.equal(await waiting, 'queue_timeout');
  assert.deepEqual(await finish(), fakeVector(0));
  assert.deepEqual(seenKeys(scene), [0]);
});

test('the time in the queue does not bound the time in the engine', async () => {
  const { scene, finish } = await busy({ queueMs: 1000 });
  await scene.clock.wind(5000);
  assert.deepEqual(await finish(), fakeVector(0));
});

test('an item whose client leaves is dropped before the batch', async () => {
  const { scene, finish } = await busy();
  const client = new AbortController();
  const [gone, stays] = [scene.text(1, { signal: client.signal }), scene.text(2)];
  client.abort();
  assert.equal(await gone, 'cancelled');
  await finish();
  assert.deepEqual(await stays, fakeVector(2));
  assert.deepEqual(seenKeys(scene), [0, 2]);
  assert.equal(scene.scheduler.pending, 0);
  assert.equal(scene.clock.armed, 0);
});

test('the reason of an abort is the answer where it is an error of the table', async () => {
  const { scene } = await busy();
  const client = new AbortController();
  const gone = scene.text(1, { signal: client.signal });
  client.abort(new ClipError('deadline_exceeded', 'late'));
  assert.equal(await gone, 'deadline_exceeded');
  assert.equal(await scene.text(2, { signal: client.signal }), 'deadline_exceeded');
});

test('a request of thousands leaves the queue at one abort', async () => {
  const { scene, finish } = await busy();
  const client = new AbortController();
  const items = Array.from({ length: 4000 }, (_, i) => scene.text(i + 1, { signal: client.signal }));
  client.abort();
  assert.deepEqual(new Set(await Promise.all(items)), new Set(['cancelled']));
  await finish();
  assert.deepEqual(seenKeys(scene), [0]);
  assert.equal(scene.scheduler.pending, 0);
});

const room = (scene: Scene, signal = new AbortController().signal) =>
  scene.scheduler.room('image', { signal });

test('the room lets in two batches per replica, and the next when one is left', async () => {
  const { scene, finish } = await busy({ maxBatch: 2 });
  const places = await Promise.all([room(scene), room(scene), room(scene), room(scene)]);
  let entered = false;
  const fifth = room(scene).then((leave) => {
    entered = true;
    return leave;
  });
  await turn();
  assert.equal(entered, false);
  places[0]!();
  places[0]!();
  (await fifth)();
  for (const leave of places) leave();
  await finish();
  assert.equal(scene.scheduler.pending, 0);
});

test('items in the queue take up room until an engine takes them', async () => {
  const { scene, finish } = await busy({ maxBatch: 2 });
  const places = await Promise.all([room(scene), room(scene), room(scene), room(scene)]);
  const images = [1, 2, 3, 4].map((key) => scene.image(key));
  for (const leave of places) leave();
  let entered = false;
  const next = room(scene).then((leave) => {
    entered = true;
    leave();
  });
  await turn();
  assert.equal(entered, false);
  await finish();
  await next;
  assert.deepEqual(await Promise.all(images), [1, 2, 3, 4].map(fakeVector));
});

test('who waits for room can leave, and waits no longer than the limit', async () => {
  const { scene, finish } = await busy({ maxBatch: 1, queueMs: 1000 });
  const places = await Promise.all([room(scene), room(scene)]);
  const client = new AbortController();
  const code = (entering: Promise<unknown>) => settled(entering.then(() => new Float32Array()));
  const [gone, late] = [code(room(scene, client.signal)), code(room(scene))];
  client.abort();
  assert.equal(await gone, 'cancelled');
  await scene.clock.wind(1000);
  assert.equal(await late, 'queue_timeout');
  for (const leave of places) leave();
  await finish();
  assert.equal(scene.scheduler.pending, 0);
});
