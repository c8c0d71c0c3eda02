import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeVector } from '../engine/fake.ts';
import { Scene } from './scene.ts';
import { turn } from './wound-clock.ts';

const range = (count: number, from: number) => Array.from({ length: count }, (_, i) => i + from);
/** A generator of numbers that is the same in each run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; state = (state * 1103515245 + 12345) % 2 ** 31) yield state >> 8;
}

test('one item of one request waits for two batches at most, however much another has brought', async () => {
  const scene = await Scene.started({ maxBatch: 32 });
  scene.stage.held = true;
  const bulk = {};
  const answers = range(4096, 1).map((key) => scene.text(key, { source: bulk }));
  await turn();
  for (const key of [-1, -2, -3]) {
    const small = scene.text(key);
    await turn();
    // The batch that runs, and the one that takes it.
    scene.stage.release();
    await turn();
    assert.ok(scene.stage.seen.at(-1)!.includes(key));
    scene.stage.release();
    assert.deepEqual(await small, fakeVector(key));
  }
  scene.stage.held = false;
  scene.stage.release();
  await Promise.all(answers);
  assert.deepEqual(
    scene.stage.seen.flat().filter((key) => key > 0),
    range(4096, 1),
    'the order of one source is kept',
  );
});

test('a request without a source is one of its own', async () => {
  const scene = await Scene.started({ maxBatch: 4 });
  scene.stage.held = true;
  const busy = scene.text(0);
  await turn();
  const patience = { signal: new AbortController().signal };
  const submit = (key: number) =>
    scene.scheduler.submit('text', { ids: Int32Array.of(key), length: 1 }, patience);
  const answers = [...range(6, 1).map(submit), scene.text(100)];
  scene.stage.held = false;
  scene.stage.release();
  await Promise.all([busy, ...answers]);
  assert.deepEqual(scene.stage.seen, [[0], [1, 100, 2, 3], [4, 5, 6]]);
});

test('of one connection with a thousand items and fifty with one each, the fifty are served first', async () => {
  const scene = await Scene.started({ maxBatch: 8 });
  scene.stage.held = true;
  const big = {};
  const bulk = range(1000, 1).map((key) => scene.text(key, { source: big }));
  await turn();
  const done: number[] = [];
  const small = range(50, -50).map((key) => scene.text(key, { source: {} }).then(() => done.push(key)));
  // A round is one item of each source: 51 items, which are seven batches; and the one that runs.
  for (let batch = 0; batch < 8; batch++) {
    await turn();
    scene.stage.release();
  }
  await turn();
  assert.deepEqual(done, range(50, -50), 'in the order of their coming');
  scene.stage.held = false;
  scene.stage.release();
  await Promise.all([...small, ...bulk]);
  assert.ok(scene.batches.slice(0, -1).every((size) => size === 8));
  assert.deepEqual(
    scene.stage.seen.flat().filter((key) => key > 0),
    range(1000, 1),
  );
});

test('under load with many sources batches stay full, and each source gets its part', async () => {
  const scene = await Scene.started({ maxBatch: 16, replicas: 2 });
  scene.stage.held = true;
  const [bulk, ...clients] = range(5, 0).map(() => ({}));
  const answers = range(3000, 1).map((key) => scene.text(key, { source: bulk }));
  await turn();
  // Four clients each have a request of one text waiting at any time.
  let served = 0;
  let open = true;
  const client = async (source: object) => {
    while (open) {
      await scene.text(-1, { source });
      served++;
    }
  };
  const loops = clients.map(client);
  for (let batch = 0; batch < 60; batch++) {
    await turn();
    scene.stage.release(1);
  }
  assert.ok(scene.batches.every((size) => size === 16));
  const taken = scene.stage.seen.flat();
  const bulkPart = taken.filter((key) => key > 0).length / taken.length;
  assert.ok(bulkPart >= 0.2, `${bulkPart} of the work is the bulk's`);
  // Two batches run, and the next takes it: a client is answered with each third batch.
  assert.ok(served >= 4 * 18, `${served} small ones served`);
  open = false;
  scene.stage.held = false;
  scene.stage.release();
  await Promise.all([...loops, ...answers]);
});

test('ten thousand requests of random length: none is overtaken by more than two batches of others of its size', async () => {
  const maxBatch = 32;
  const scene = await Scene.started({ maxBatch, replicas: 2 });
  scene.stage.held = true;
  const random = numbers(7);
  const answers: Promise<unknown>[] = [];
  /** By key, the request that it is of; and the number of items of each request. */
  const requestOf: number[] = [];
  const sizes: number[] = [];
  for (let request = 0; request < 10_000; request++) {
    const source = {};
    sizes.push(1 + (random.next().value % 8));
    for (let item = 0; item < sizes[request]!; item++)
      answers.push(scene.text(requestOf.push(request) - 1, { source }));
    if (random.next().value % 64 > 0) continue;
    await turn();
    scene.stage.release(1);
  }
  scene.stage.held = false;
  scene.stage.release();
  await Promise.all(answers);
  const left = [...sizes];
  const ended: number[][] = sizes.map(() => []);
  for (const request of scene.stage.seen.flat().map((key) => requestOf[key]!))
    if (--left[request]! === 0) ended[sizes[request]!]!.push(request);
  for (const requests of ended)
    for (const [position, request] of requests.entries()) {
      const overtakers = requests.slice(0, position).filter((other) => other > request).length;
      assert.ok(overtakers <= 2 * maxBatch, `request ${request} was overtaken by ${overtakers}`);
    }
});

test('sources take turns for the room, and keep their own order', async () => {
  const scene = await Scene.started({ maxBatch: 1 });
  const { signal } = new AbortController();
  const order: string[] = [];
  const enter = (name: string, source: object) =>
    scene.scheduler.room('image', { signal, source }).then((leave) => {
      order.push(name);
      return leave;
    });
  const places = await Promise.all([enter('in', {}), enter('in', {})]);
  const [a, b] = [{}, {}];
  const waiting = [
    ...['a1', 'a2', 'a3'].map((name) => enter(name, a)),
    ...['b1', 'b2'].map((name) => enter(name, b)),
  ];
  for (const leave of places) leave();
  for (const place of [0, 3, 1, 4, 2]) (await waiting[place]!)();
  assert.deepEqual(order, ['in', 'in', 'a1', 'b1', 'a2', 'b2', 'a3']);
  assert.equal(scene.scheduler.pending, 0);
});

test('who leaves the middle of the queue holds up no turn, of its own source or of others', async () => {
  const scene = await Scene.started({ maxBatch: 4 });
  scene.stage.held = true;
  const busy = scene.text(0);
  await turn();
  const [a, b, client] = [{}, {}, new AbortController()];
  const gone = [1, 2, 4].map((key) => scene.text(key, { source: a, signal: client.signal }));
  const stay = [3, 5].map((key) => scene.text(key, { source: b }));
  const last = scene.text(6, { source: a });
  client.abort();
  assert.deepEqual(await Promise.all(gone), ['cancelled', 'cancelled', 'cancelled']);
  scene.stage.held = false;
  scene.stage.release();
  await Promise.all([busy, last, ...stay]);
  assert.deepEqual(scene.stage.seen, [[0], [6, 3, 5]]);
  assert.deepEqual([scene.scheduler.pending, scene.clock.armed], [0, 0]);
});
