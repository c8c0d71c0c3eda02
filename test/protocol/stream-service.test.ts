import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeVector } from '../engine/fake.ts';
import { turn } from '../schedule/wound-clock.ts';
import { House } from '../service/house.ts';
import { openStream, type Sent } from './stream-rig.ts';

/** Requests of one text each, from 1 on. */
const requests = (count: number): Sent[] =>
  Array.from({ length: count }, (_, i) => ({ id: String(i + 1), texts: [String(i + 1)] }));

const GAUGES = [
  'requests_in_flight',
  'requests_waiting',
  'items_in_flight',
  'request_bytes_in_flight',
  'streams',
];

async function nothingLeft(house: House, stream: ReturnType<typeof openStream>): Promise<void> {
  await turn();
  assert.equal(house.scheduler.pending, 0);
  for (const gauge of GAUGES) assert.equal(await stream.value(`clip_${gauge}`), 0, gauge);
}

const open = (house: House, prefetch: number) =>
  openStream(house.service, { prefetch }, {}, {}, house.metrics);

/** Runs of an engine one after the other, of which each takes as long as any, until all requests are answered. */
async function rounds(replicas: number, count: number): Promise<{ rounds: number; busy: number }> {
  const house = await House.open({}, replicas);
  house.texts.held = true;
  const stream = open(house, 40);
  stream.wire.push(...requests(count), 'end');
  let [passed, runs] = [0, 0];
  for (await turn(); stream.end() === undefined; await turn()) {
    passed++;
    runs += house.texts.running.length;
    house.texts.release();
  }
  assert.equal(stream.end(), 'ok');
  assert.deepEqual(
    stream.wire.replies.map(({ vectors }) => vectors[0]),
    requests(count).map(({ id }) => fakeVector(Number(id))),
  );
  await nothingLeft(house, stream);
  return { rounds: passed, busy: runs / passed };
}

test('one stream keeps two replicas busy: twice the rate of one', async () => {
  const [one, two] = [await rounds(1, 400), await rounds(2, 400)];
  assert.ok(two.busy >= 1.8, `${two.busy} of two replicas are busy`);
  assert.ok(one.rounds / two.rounds >= 1.8, `${one.rounds} runs in a row with one, ${two.rounds} with two`);
});

test('beside a stream that saturates, a request is answered after two batches, and batches stay full', async () => {
  const house = await House.open();
  house.texts.held = true;
  const stream = open(house, 1000);
  stream.wire.push(...requests(1000), 'end');
  await turn();
  for (let small = -1; small >= -20; small--) {
    const before = house.texts.seen.length;
    const context = house.context();
    const outcomes = house.service.encode([{ kind: 'text', text: String(small) }], context);
    await turn();
    house.texts.release();
    await turn();
    house.texts.release();
    assert.deepEqual(await outcomes, [{ vector: Float32Array.from(fakeVector(small)), tokens: 1 }]);
    assert.ok(house.texts.seen.length <= before + 2);
    context.permit.release();
    await turn();
  }
  assert.ok(house.texts.seen.slice(0, 40).every(({ length }) => length === house.maxBatch));
  house.texts.held = false;
  house.texts.release();
  assert.equal(await stream.ended, 'ok');
  assert.deepEqual(
    stream.wire.replies.map(({ id }) => id),
    requests(1000).map(({ id }) => id),
  );
  await nothingLeft(house, stream);
});

test('a client that leaves takes all its requests out of the queue', async () => {
  const house = await House.open();
  house.texts.held = true;
  const stream = open(house, 100);
  stream.wire.push(...requests(100));
  await turn();
  const inEngine = house.texts.seen.flat();
  stream.client.abort();
  assert.equal(await stream.ended, 'cancelled');
  await turn();
  assert.equal(house.scheduler.pending, 0);
  house.texts.release();
  await nothingLeft(house, stream);
  assert.deepEqual(house.texts.seen.flat(), inEngine, 'no engine sees what had waited');
});

test('a server that shuts down answers what is in flight and ends the stream', async () => {
  const house = await House.open();
  house.texts.held = true;
  const stream = open(house, 0);
  stream.wire.push(...requests(10));
  await turn();
  const drained = house.service.drain(60_000);
  stream.wire.push({ id: 'late', texts: ['11'] });
  await turn();
  assert.equal(stream.end(), undefined);
  house.texts.held = false;
  house.texts.release();
  assert.equal(await stream.ended, 'draining');
  await drained;
  assert.equal(stream.wire.replies.length, 10);
  await nothingLeft(house, stream);
});
