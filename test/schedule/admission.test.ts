import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClipError, type ErrorCode } from '../../src/errors.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { Admission } from '../../src/schedule/admission.ts';
import type { Permit } from '../../src/schedule/permit.ts';
import { fakeVector } from '../engine/fake.ts';
import { Scene } from './scene.ts';
import { turn, WoundClock } from './wound-clock.ts';

const LIMITS = { itemsPerRequest: 4, requestBytes: 100, queueItems: 10, queueBytes: 250, queueMs: 1000 };

function door(limits: Partial<typeof LIMITS> = {}) {
  const [metrics, clock] = [new Metrics(), new WoundClock()];
  const admission = new Admission({ limits: { ...LIMITS, ...limits }, metrics, clock });
  const count = async (name: string) => (await metrics.registry.getSingleMetric(name)!.get()).values;
  const gauges = async () =>
    (
      await Promise.all([
        count('clip_requests_in_flight'),
        count('clip_items_in_flight'),
        count('clip_request_bytes_in_flight'),
      ])
    ).map(([gauge]) => gauge!.value);
  const refusals = async () =>
    Object.fromEntries(
      (await count('clip_limit_reached_total')).map(({ labels, value }) => [labels.limit, value]),
    );
  const waiting = async () => (await count('clip_requests_waiting'))[0]!.value;
  /** What a request that can wait has come to: its permit, the code of its refusal, or nothing yet. */
  const enter = (items: number, bytes = 0, signal = new AbortController().signal) => {
    const state: { permit?: Permit; code?: ErrorCode } = {};
    admission.enter({ items, bytes }, signal).then(
      (permit) => {
        state.permit = permit;
      },
      (error) => {
        state.code = (error as ClipError).code;
      },
    );
    return state;
  };
  return { admission, clock, gauges, refusals, waiting, enter };
}

const waits = ({ permit }: { permit?: Permit }) => permit === undefined;

function refuses(act: () => void, code: ErrorCode, message: RegExp): void {
  assert.throws(act, (error) => {
    assert.ok(error instanceof ClipError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

test('items of a request: just below, at and above the limit', async () => {
  const { admission, refusals, gauges } = door();
  const permit = admission.admit();
  permit.addItems(3);
  permit.addItems(1);
  refuses(() => permit.addItems(1), 'too_many_items', /at most 4 .*items_per_request.* 5/);
  refuses(() => admission.admit().addItems(400), 'too_many_items', /400/);
  assert.deepEqual(await refusals(), { items_per_request: 2 });
  assert.deepEqual(await gauges(), [2, 4, 0]);
});

test('bytes of a request: just below, at and above the limit', async () => {
  const { admission, refusals, gauges } = door();
  const permit = admission.admit();
  permit.addBytes(99);
  permit.addBytes(1);
  refuses(() => permit.addBytes(1), 'request_too_large', /at most 100 .*request_bytes.* 101/);
  refuses(() => admission.admit().addBytes(10_000), 'request_too_large', /10000/);
  assert.deepEqual(await refusals(), { request_bytes: 2 });
  assert.deepEqual(await gauges(), [2, 0, 100]);
});

test('unanswered items of all requests: just below, at and above the limit', async () => {
  const { admission, refusals } = door();
  const permits = [4, 4, 1].map((items) => {
    const permit = admission.admit();
    permit.addItems(items);
    return permit;
  });
  refuses(() => permits[2]!.addItems(2), 'overloaded', /at most 10 .*queue_items.* 11/);
  permits[2]!.addItems(1);
  refuses(() => admission.admit(), 'overloaded', /queue_items/);
  assert.deepEqual(await refusals(), { queue_items: 2 });
  permits[0]!.release();
  admission.admit().addItems(4);
});

test('bytes of all requests: just below, at and above the limit', async () => {
  const { admission, refusals } = door();
  const [a, b, c] = [admission.admit(), admission.admit(), admission.admit()];
  a.addBytes(100);
  b.addBytes(100);
  c.addBytes(49);
  refuses(() => c.addBytes(2), 'overloaded', /at most 250 .*queue_bytes.* 251/);
  c.addBytes(1);
  refuses(() => admission.admit(), 'overloaded', /queue_bytes/);
  assert.deepEqual(await refusals(), { queue_bytes: 2 });
});

test('a permit gives back exactly once what it took, and counts nothing afterwards', async () => {
  const { admission, gauges } = door();
  const [stays, goes] = [admission.admit(), admission.admit()];
  for (const permit of [stays, goes]) {
    permit.addItems(3);
    permit.addBytes(40);
  }
  assert.deepEqual(await gauges(), [2, 6, 80]);
  goes.release();
  goes.release();
  goes.addItems(1);
  goes.addBytes(1);
  assert.deepEqual(await gauges(), [1, 3, 40]);
  stays.release();
  assert.deepEqual(await gauges(), [0, 0, 0]);
});

test('a queue of eight beside one running batch: of ten more requests, exactly two are refused', async () => {
  const scene = await Scene.started({ maxBatch: 1 });
  const { admission } = door({ queueItems: 1 + 8 });
  scene.stage.held = true;
  const request = async (key: number) => {
    const permit = admission.admit();
    try {
      permit.addItems(1);
      return await scene.text(key);
    } finally {
      permit.release();
    }
  };
  const outcomes = [request(0)];
  await turn();
  for (let key = 1; key <= 10; key++) outcomes.push(request(key).catch((error) => (error as ClipError).code));
  await turn();
  scene.stage.held = false;
  scene.stage.release();
  const answered = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(fakeVector);
  assert.deepEqual(await Promise.all(outcomes), [...answered, 'overloaded', 'overloaded']);
});

test('closing turns new requests away, and waits for the last of the old', async () => {
  const { admission, clock } = door();
  const permit = admission.admit();
  let empty = false;
  const closed = admission.close(1000).then(() => {
    empty = true;
  });
  refuses(() => admission.admit(), 'draining', /shutting down/);
  permit.addItems(1);
  await clock.wind(999);
  assert.equal(empty, false);
  permit.release();
  await closed;
  assert.equal(clock.armed, 0);
});

test('closing waits no longer than it is told to, and not at all for nobody', async () => {
  const { admission, clock } = door();
  admission.admit();
  const closed = admission.close(1000);
  await clock.wind(1000);
  await closed;
  await door().admission.close(1000);
});

test('requests that can wait fill half of the house: just below, at and above it', async () => {
  const { enter, gauges, refusals, waiting, admission } = door();
  const [below, at, above] = [enter(4), enter(1), enter(1)];
  await turn();
  assert.ok(below.permit && at.permit && waits(above) && above.code === undefined);
  assert.deepEqual([await gauges(), await waiting()], [[2, 5, 0], 1]);
  assert.deepEqual(await refusals(), { queue_items: 1 });
  // Requests that cannot wait have the other half.
  admission.admit().addItems(4);
  at.permit.release();
  await turn();
  assert.ok(above.permit);
  assert.deepEqual([await gauges(), await waiting()], [[3, 9, 0], 0]);
});

test('their bytes fill half of the house, too', async () => {
  const { enter, refusals } = door();
  const [below, at, above] = [enter(1, 99), enter(1, 26), enter(1, 1)];
  await turn();
  assert.ok(below.permit && at.permit && waits(above));
  assert.deepEqual(await refusals(), { queue_bytes: 1 });
  below.permit.release();
  await turn();
  assert.ok(above.permit);
});

test('a request of more than half of the house goes in alone, and waits for that', async () => {
  const { enter } = door({ itemsPerRequest: 10 });
  const first = enter(1);
  await turn();
  const [large, behind] = [enter(10), enter(1)];
  await turn();
  assert.ok(waits(large) && waits(behind), 'who comes later does not overtake');
  first.permit!.release();
  await turn();
  assert.ok(large.permit && waits(behind));
  large.permit.release();
  await turn();
  assert.ok(behind.permit);
});

test('where requests that cannot wait fill the house, those that can wait do', async () => {
  const { admission, enter, waiting } = door();
  const others = [4, 4, 2].map((items) => {
    const permit = admission.admit();
    permit.addItems(items);
    return permit;
  });
  const request = enter(3);
  others[2]!.release();
  await turn();
  assert.ok(waits(request));
  others[1]!.release();
  await turn();
  assert.ok(request.permit);
  assert.equal(await waiting(), 0);
});

test('what can never fit is refused at once: just below, at and above each limit', async () => {
  const { enter, refusals } = door();
  const outcomes = [enter(3), enter(4), enter(5), enter(0, 100), enter(0, 101)];
  const house = door({ itemsPerRequest: 100, requestBytes: 1000 });
  const more = [house.enter(11), house.enter(0, 251)];
  await turn();
  assert.deepEqual(
    [...outcomes, ...more].map(({ code }) => code),
    [
      undefined,
      undefined,
      'too_many_items',
      undefined,
      'request_too_large',
      'too_many_items',
      'request_too_large',
    ],
  );
  const { items_per_request, request_bytes } = await refusals();
  assert.deepEqual([items_per_request, request_bytes], [1, 1]);
  assert.deepEqual(await house.refusals(), { queue_items: 1, queue_bytes: 1 });
});

test('nobody waits for room longer than queue_ms, and who gives up makes way', async () => {
  const { admission, enter, clock, waiting, refusals } = door({ itemsPerRequest: 10 });
  admission.admit().addItems(8);
  const client = new AbortController();
  const [gone, late, next] = [enter(3, 0, client.signal), enter(3), enter(2)];
  await turn();
  assert.equal(await waiting(), 3);
  client.abort();
  await clock.wind(999);
  assert.deepEqual([gone.code, late.code, next.permit], ['cancelled', undefined, undefined]);
  await clock.wind(1);
  assert.equal(late.code, 'queue_timeout');
  assert.ok(next.permit || next.code === 'queue_timeout');
  assert.equal(await waiting(), 0);
  assert.equal((await refusals()).queue_items, 3);
  assert.ok((await refusals()).queue_ms! >= 1);
  assert.equal(clock.armed, 0);
});

test('who gives up at the head lets in who stands behind', async () => {
  const { admission, enter } = door({ itemsPerRequest: 10 });
  admission.admit().addItems(8);
  const client = new AbortController();
  const [gone, next] = [enter(3, 0, client.signal), enter(2)];
  await turn();
  client.abort();
  await turn();
  assert.equal(gone.code, 'cancelled');
  assert.ok(next.permit);
  const already = enter(1, 0, AbortSignal.abort());
  await turn();
  assert.equal(already.code, 'cancelled');
});

test('closing refuses everyone who waits, and who comes', async () => {
  const { admission, enter, waiting, clock } = door();
  const inside = enter(4);
  const outside = [enter(4), enter(1)];
  await turn();
  const closed = admission.close(1000);
  const later = enter(1);
  await turn();
  assert.deepEqual(
    [...outside, later].map(({ code }) => code),
    ['draining', 'draining', 'draining'],
  );
  assert.equal(await waiting(), 0);
  inside.permit!.release();
  await closed;
  assert.equal(clock.armed, 0);
});

test('the first statement of items replaces the reservation; what is left of it goes to who waits', async () => {
  const { enter, gauges } = door({ itemsPerRequest: 10 });
  const request = enter(5);
  await turn();
  const next = enter(3);
  await turn();
  assert.ok(waits(next));
  request.permit!.addItems(3);
  await turn();
  assert.ok(waits(next));
  assert.deepEqual(await gauges(), [1, 3, 0]);
  // From here on items count anew.
  request.permit!.addItems(1);
  request.permit!.release();
  await turn();
  assert.ok(next.permit);
  next.permit.addItems(0);
  assert.deepEqual(await gauges(), [1, 0, 0]);
  next.permit.release();
  next.permit.release();
  assert.deepEqual(await gauges(), [0, 0, 0]);
});

test('more items than were reserved count as new: just below, at and above the limits', async () => {
  const { enter, admission, gauges } = door({ itemsPerRequest: 4 });
  const request = enter(1);
  await turn();
  const { permit } = request;
  refuses(() => permit!.addItems(5), 'too_many_items', /at most 4 .* 5/);
  permit!.addItems(4);
  assert.deepEqual(await gauges(), [1, 4, 0]);
  const other = enter(1);
  await turn();
  for (const items of [3, 2]) admission.admit().addItems(items);
  refuses(() => other.permit!.addItems(2), 'overloaded', /at most 10 .* 11/);
  other.permit!.addItems(1);
});
