import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClipError, type ErrorCode } from '../../src/errors.ts';
import { turn } from '../schedule/wound-clock.ts';
import { FakeService, vectorOf } from './fake-service.ts';
import { GARBAGE, openStream, PatientService, type Sent } from './stream-rig.ts';

const requests = (count: number, more: Partial<Sent> = {}): Sent[] =>
  Array.from({ length: count }, (_, i) => ({ id: String(i), texts: [`text ${i}`], ...more }));
const vector = (text: string) => [...vectorOf({ kind: 'text', text })];
const ids = ({ wire }: ReturnType<typeof openStream>) => wire.replies.map(({ id }) => id);
const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

function held(): PatientService {
  const service = new PatientService();
  service.held = true;
  return service;
}

/** Nothing is in flight, and no permit went back twice. */
async function nothingLeft(service: FakeService, stream: ReturnType<typeof openStream>): Promise<void> {
  await turn();
  assert.deepEqual([service.open, service.doubleReleases], [0, 0]);
  assert.equal(await stream.value('clip_streams'), 0);
  assert.equal(
    await stream.value('clip_requests_total'),
    await stream.value('clip_request_seconds'),
    'requests counted once',
  );
}

test('each request gets its own vectors, and the stream ends with the requests', async () => {
  const service = new FakeService();
  const stream = openStream(service);
  stream.wire.push({ id: 'a', texts: ['one', 'two'] }, { id: 'b', texts: [] }, { id: 'c', texts: ['three'] });
  await turn();
  assert.equal(await stream.value('clip_streams', { protocol: 'grpc' }), 1);
  stream.wire.push('end');
  assert.equal(await stream.ended, 'ok');
  assert.deepEqual(stream.wire.replies, [
    { id: 'a', vectors: [vector('one'), vector('two')] },
    { id: 'b', vectors: [] },
    { id: 'c', vectors: [vector('three')] },
  ]);
  assert.equal(await stream.value('clip_requests_total', { route: 'test', code: 'ok' }), 3);
  await nothingLeft(service, stream);
});

test('a stream without requests ends in order', async () => {
  const service = new FakeService();
  const stream = openStream(service);
  stream.wire.push('end');
  assert.equal(await stream.ended, 'ok');
  assert.deepEqual([stream.wire.replies, service.admitted], [[], 0]);
});

describe('prefetch', () => {
  for (const [sent, prefetch, running] of [
    [4, 5, 4],
    [5, 5, 5],
    [9, 5, 5],
    [9, 1, 1],
    [300, 0, 300],
  ] as const)
    test(`of ${sent} requests, ${running} are worked on at once where it is ${prefetch}`, async () => {
      const service = held();
      const stream = openStream(service, { prefetch });
      stream.wire.push(...requests(sent));
      await turn();
      assert.equal(service.running.length, running);
      let most = 0;
      while (service.running.length > 0) {
        most = Math.max(most, service.running.length);
        service.finish(0);
        await turn();
      }
      assert.equal(most, running);
      stream.wire.push('end');
      assert.equal(await stream.ended, 'ok');
      assert.deepEqual(ids(stream), numbers(sent));
      await nothingLeft(service, stream);
    });

  test('a request counts until its reply is taken', async () => {
    const service = new PatientService();
    const stream = openStream(service, { prefetch: 2 });
    stream.wire.slow = true;
    stream.wire.push(...requests(5), 'end');
    await turn();
    assert.deepEqual([service.admitted, stream.wire.untaken], [2, 1]);
    // One is read ahead and waits.
    assert.equal(stream.wire.asked, 3);
    stream.wire.take();
    await turn();
    assert.equal(service.admitted, 3);
    stream.wire.slow = false;
    stream.wire.take();
    assert.equal(await stream.ended, 'ok');
    assert.deepEqual(ids(stream), numbers(5));
  });
});

describe('stream_bytes', () => {
  const SIZE = 10_000;
  const LARGE = { bytes: SIZE / 2, replyBytes: SIZE };
  // A request is expected to take its own bytes, 1024, and 512 + 16 for each document.
  const EXPECTED = SIZE / 2 + 1024 + 528;

  for (const [name, streamBytes, admitted] of [
    ['just below', 2 * EXPECTED - 1, 1],
    ['at', 2 * EXPECTED, 2],
    ['above', 2 * EXPECTED + 1, 2],
  ] as const)
    test(`two requests that are ${name} the limit`, async () => {
      const service = held();
      const stream = openStream(service, {}, { streamBytes });
      stream.wire.push(...requests(2, LARGE), 'end');
      await turn();
      assert.equal(service.running.length, admitted);
      const bites = admitted === 1 ? 1 : 0;
      assert.equal(await stream.value('clip_limit_reached_total', { limit: 'stream_bytes' }), bites);
      service.held = false;
      service.finish();
      assert.equal(await stream.ended, 'ok');
      assert.deepEqual(ids(stream), ['0', '1']);
    });

  test('replies that are larger than expected hold up the next request, not each other', async () => {
    const service = held();
    const stream = openStream(service, {}, { streamBytes: 3 * EXPECTED });
    stream.wire.slow = true;
    stream.wire.push(...requests(10, { bytes: SIZE / 2, replyBytes: 2 * SIZE }), 'end');
    await turn();
    assert.equal(service.running.length, 3);
    service.finish();
    await turn();
    assert.deepEqual([service.running.length, service.admitted], [0, 3]);
    stream.wire.take();
    await turn();
    stream.wire.take();
    await turn();
    assert.equal(service.admitted, 3, 'the last reply alone is larger than what is left');
    service.held = false;
    stream.wire.slow = false;
    stream.wire.take();
    assert.equal(await stream.ended, 'ok');
    assert.deepEqual(ids(stream), numbers(10));
  });

  test('a client that takes replies slowly loses none, and what is held stays within the limit', async () => {
    const service = new PatientService();
    const limit = 10 * SIZE;
    const stream = openStream(service, { inOrder: false }, { streamBytes: limit });
    stream.wire.slow = true;
    stream.wire.push(...requests(200, { bytes: SIZE / 2, replyBytes: SIZE }), 'end');
    let most = 0;
    while (stream.end() === undefined) {
      await turn();
      most = Math.max(most, stream.wire.untaken * SIZE);
      stream.wire.take(1);
    }
    assert.equal(stream.end(), 'ok');
    assert.deepEqual(ids(stream).sort(), numbers(200).sort());
    assert.ok(most > limit / 2 && most <= limit + SIZE, `${most} bytes held`);
    await nothingLeft(service, stream);
  });

  test('a request above the limit passes, alone', async () => {
    const service = held();
    const stream = openStream(service, {}, { streamBytes: SIZE });
    stream.wire.push(
      ...requests(1),
      { id: 'large', texts: ['large'], bytes: 5 * SIZE },
      { id: 'after', texts: ['after'] },
      'end',
    );
    await turn();
    assert.equal(service.running.length, 1);
    service.finish();
    await turn();
    assert.equal(service.running.length, 1);
    assert.deepEqual(ids(stream), ['0']);
    service.finish();
    await turn();
    service.finish();
    assert.equal(await stream.ended, 'ok');
    assert.deepEqual(ids(stream), ['0', 'large', 'after']);
  });

  test('vectors count as the encoding writes them', async () => {
    for (const [bytesPerComponent, admitted] of [
      [undefined, 3],
      [1000, 1],
    ] as const) {
      const service = held();
      const stream = openStream(service, { bytesPerComponent }, { streamBytes: 8000 });
      stream.wire.push(...requests(3, { bytes: 500 }), 'end');
      await turn();
      assert.equal(service.running.length, admitted);
      service.held = false;
      service.finish();
      assert.equal(await stream.ended, 'ok');
    }
  });
});

test('replies keep the order of the requests where that is asked for', async () => {
  const service = held();
  const stream = openStream(service, { inOrder: true });
  stream.wire.push(...requests(3), 'end');
  await turn();
  service.finish(2);
  await turn();
  service.finish(1);
  await turn();
  assert.deepEqual(ids(stream), []);
  service.finish(0);
  assert.equal(await stream.ended, 'ok');
  assert.deepEqual(ids(stream), ['0', '1', '2']);
});

test('else replies go out as they are ready', async () => {
  const service = held();
  const stream = openStream(service, { inOrder: false });
  stream.wire.push(...requests(3), 'end');
  await turn();
  for (const position of [2, 0, 0]) {
    service.finish(position);
    await turn();
  }
  assert.equal(await stream.ended, 'ok');
  assert.deepEqual(ids(stream), ['2', '0', '1']);
});

test('a request that fails is answered with its error, and the stream goes on', async () => {
  const service = new FakeService();
  const stream = openStream(service);
  stream.wire.push(
    { id: 'a', texts: ['one', 'fail:invalid_image'] },
    { id: 'b', fault: 'invalid_document' },
    { id: 'c', texts: Array(5000).fill('many') },
    { id: 'd', texts: ['two'], unspeakable: true },
    { id: 'e', texts: ['three'] },
    'end',
  );
  assert.equal(await stream.ended, 'ok');
  assert.deepEqual(stream.wire.replies, [
    { id: 'a', error: 'invalid_image', vectors: [] },
    { id: 'b', error: 'invalid_document', vectors: [] },
    { id: 'c', error: 'too_many_items', vectors: [] },
    { id: 'd', error: 'bad_vector', vectors: [] },
    { id: 'e', vectors: [vector('three')] },
  ]);
  for (const code of ['invalid_image', 'invalid_document', 'too_many_items', 'bad_vector', 'ok'])
    assert.equal(await stream.value('clip_requests_total', { code }), 1, code);
  await nothingLeft(service, stream);
});

test('a frame that cannot be read ends the stream after the replies in flight', async () => {
  const service = held();
  const stream = openStream(service);
  stream.wire.push(...requests(2), GARBAGE, { id: 'never' });
  await turn();
  assert.equal(stream.end(), undefined);
  service.finish();
  assert.equal(await stream.ended, 'invalid_request');
  assert.deepEqual(ids(stream), ['0', '1']);
  await nothingLeft(service, stream);
});

test('so does a transport that fails', async () => {
  const service = held();
  const stream = openStream(service);
  stream.wire.push(...requests(2), new ClipError('request_too_large', 'a message beyond the limit'));
  await turn();
  service.finish();
  assert.equal(await stream.ended, 'request_too_large');
  assert.deepEqual(ids(stream), ['0', '1']);
  await nothingLeft(service, stream);
});

for (const code of ['draining', 'not_ready'] as const)
  test(`${code} ends the stream after the replies in flight`, async () => {
    const service = held();
    const stream = openStream(service);
    stream.wire.push(...requests(2));
    await turn();
    service.refusal = new ClipError(code, 'no');
    stream.wire.push({ id: 'refused' });
    await turn();
    assert.equal(stream.end(), undefined);
    service.finish();
    assert.equal(await stream.ended, code);
    assert.deepEqual(ids(stream), ['0', '1']);
    assert.equal(await stream.value('clip_requests_total', { code }), 1);
    await nothingLeft(service, stream);
  });

test('an engine that is not ready in the midst of the work ends the stream', async () => {
  for (const inOrder of [true, false]) {
    const service = held();
    const stream = openStream(service, { inOrder });
    stream.wire.push({ id: '0' }, { id: '1', texts: ['fail:not_ready'] }, { id: '2' });
    await turn();
    service.finish();
    assert.equal(await stream.ended, 'not_ready');
    // Told by its place alone, the third would be taken for the second.
    assert.deepEqual(ids(stream), inOrder ? ['0'] : ['0', '2']);
    await nothingLeft(service, stream);
  }
});

test('a refusal that concerns one request is its reply', async () => {
  for (const code of ['queue_timeout', 'request_too_large'] satisfies ErrorCode[]) {
    const service = new FakeService();
    const stream = openStream(service);
    service.refusal = new ClipError(code, 'not this one');
    stream.wire.push({ id: 'refused' });
    await turn();
    service.refusal = undefined;
    stream.wire.push({ id: 'next' }, 'end');
    assert.equal(await stream.ended, 'ok');
    assert.deepEqual(
      stream.wire.replies.map(({ id, error }) => [id, error]),
      [
        ['refused', code],
        ['next', undefined],
      ],
    );
  }
});

test('a client that leaves ends all work in flight, and each permit goes back once', async () => {
  const service = held();
  const stream = openStream(service, { prefetch: 10 });
  stream.wire.push(...requests(20));
  await turn();
  stream.client.abort();
  assert.equal(await stream.ended, 'cancelled');
  await turn();
  assert.equal(service.aborted, 10);
  assert.deepEqual(stream.wire.replies, []);
  assert.equal(await stream.value('clip_requests_total', { code: 'cancelled' }), 10);
  await nothingLeft(service, stream);
});

test('a client that leaves ends a stream on which nothing happens, and one whose reply it does not take', async () => {
  const service = new FakeService();
  const [idle, slow] = [openStream(service), openStream(service)];
  slow.wire.slow = true;
  slow.wire.push(...requests(3));
  await turn();
  for (const stream of [idle, slow]) {
    stream.client.abort();
    assert.equal(await stream.ended, 'cancelled');
    await nothingLeft(service, stream);
  }
  const gone = openStream(service, { signal: AbortSignal.abort() });
  gone.wire.push(...requests(3));
  assert.equal(await gone.ended, 'cancelled');
});

test('the time of the stream is over: so is the work, and nothing more is sent', async () => {
  const service = held();
  const deadline = performance.now() + 60_000;
  const stream = openStream(service, { deadline });
  stream.wire.push(...requests(2));
  await turn();
  assert.deepEqual(
    service.running.map(({ context }) => context.deadline),
    [deadline, deadline],
  );
  stream.client.abort(new ClipError('deadline_exceeded', 'late'));
  assert.equal(await stream.ended, 'deadline_exceeded');
  await turn();
  assert.equal(service.aborted, 2);
  assert.deepEqual(stream.wire.replies, []);
  await nothingLeft(service, stream);
});

test('a request whose own time is over is answered so, and the stream goes on', async () => {
  const service = held();
  const stream = openStream(service, {}, {}, { requestTimeoutMs: 5 });
  stream.wire.push({ id: 'late' });
  while (stream.wire.replies.length === 0) await turn();
  service.held = false;
  stream.wire.push({ id: 'next', texts: ['next'] }, 'end');
  assert.equal(await stream.ended, 'ok');
  assert.deepEqual(stream.wire.replies, [
    { id: 'late', error: 'deadline_exceeded', vectors: [] },
    { id: 'next', vectors: [vector('next')] },
  ]);
  await nothingLeft(service, stream);
});

test('the earlier of two deadlines counts', async () => {
  const service = held();
  const deadline = performance.now() + 1000;
  const stream = openStream(service, { deadline }, {}, { requestTimeoutMs: 60_000 });
  stream.wire.push({ id: 'a' }, 'end');
  await turn();
  assert.equal(service.running[0]!.context.deadline, deadline);
  service.finish();
  assert.equal(await stream.ended, 'ok');
});

test('a reply that cannot be sent means that the client has left', async () => {
  const service = held();
  const stream = openStream(service);
  stream.wire.slow = true;
  stream.wire.push(...requests(3));
  await turn();
  service.finish(0);
  await turn();
  stream.wire.breakSends();
  assert.equal(await stream.ended, 'cancelled');
  await turn();
  assert.equal(service.aborted, 2);
  await nothingLeft(service, stream);
});

test('requests of one stream are of one source, and those of another of another', async () => {
  const service = held();
  const streams = [openStream(service), openStream(service)];
  for (const { wire } of streams) wire.push(...requests(2), 'end');
  await turn();
  const [a, b, c, d] = service.running.map(({ context }) => context.source);
  assert.ok(a && c);
  assert.ok(new Set([a, b, c, d]).size === 2 && (a === b || a === c));
  service.finish();
  for (const { ended } of streams) assert.equal(await ended, 'ok');
});
