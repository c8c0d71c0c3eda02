import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClipError, type ErrorCode } from '../../src/errors.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { Admission } from '../../src/schedule/admission.ts';
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
  return { admission, clock, gauges, refusals };
}

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
