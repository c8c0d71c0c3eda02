import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import {
  callHeaders,
  DATA,
  END_HEADERS,
  END_STREAM,
  ENHANCE_YOUR_CALM,
  type Frame,
  FrameClient,
  frame,
  HEADERS,
  prefixed,
  RST_STREAM,
  SETTINGS,
  uint32,
  WINDOW_UPDATE,
} from './frames.ts';
import { CALL, duplex, exchange, openRig, outcome, readReply, request, SINGLE, unary, until } from './rig.ts';

const TIMEOUT = { timeout: 120_000 };
/** Settings by which not one byte of a reply may be sent. */
const NO_WINDOW = Buffer.from([0, 4, 0, 0, 0, 0]);

/** A request of exactly so many bytes. */
function sizedRequest(bytes: number): Uint8Array {
  const short = request('a', ['x'.repeat(bytes - 100)]);
  const exact = request('a', ['x'.repeat(2 * bytes - 100 - short.length)]);
  assert.equal(exact.length, bytes);
  return exact;
}

for (const [name, settings] of [
  ['request_bytes', { limits: { requestBytes: 100_000 } }],
  ['grpc.max_receive_message_length', { grpc: { maxReceiveBytes: 100_000 } }],
] as const)
  test(`a message may have ${name} bytes, and no more`, TIMEOUT, async () => {
    await using rig = await openRig(settings);
    const client = rig.client();
    for (const bytes of [99_999, 100_000])
      assert.equal(readReply(await unary(client, SINGLE, sizedRequest(bytes))).documents.length, 1);
    for (const bytes of [100_001, 10_000_000])
      await assert.rejects(unary(client, SINGLE, sizedRequest(bytes)), {
        code: status.RESOURCE_EXHAUSTED,
        details: `expected a message of at most 100000 bytes, got ${bytes}`,
      });
    assert.equal(await rig.limited('request_bytes'), 2);
  });

test(
  'a message that announces too much is refused at once, and the rest of it is not kept',
  TIMEOUT,
  async () => {
    await using rig = await openRig();
    using client = new FrameClient(rig.port);
    const announced = Buffer.concat([Buffer.of(0), uint32(2 ** 32 - 1)]);
    client.send(frame(HEADERS, END_HEADERS, 1, callHeaders(CALL)), frame(DATA, 0, 1, announced));
    assert.ok(await client.first(({ type, flags }) => type === HEADERS && (flags & END_STREAM) !== 0));
    client.send(frame(DATA, 0, 1, Buffer.alloc(10_000)));
    assert.equal((await client.first(({ type }) => type === RST_STREAM))!.stream, 1);
  },
);

test('what is announced is not yet spent: memory grows with what came', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { receiveBytes: 2 ** 22 } });
  using client = new FrameClient(rig.port);
  const part = Buffer.concat([Buffer.of(0), uint32(2 ** 26), Buffer.alloc(10)]);
  for (const stream of [1, 3, 5, 7])
    client.send(frame(HEADERS, END_HEADERS, stream, callHeaders(CALL)), frame(DATA, 0, stream, part));
  // Four messages of 64 MiB have begun, and each holds its first MiB. There is no room for a fifth.
  client.send(frame(HEADERS, END_HEADERS, 9, callHeaders(CALL)), frame(DATA, 0, 9, part));
  assert.equal((await client.first(({ type }) => type === HEADERS))!.stream, 9);
  assert.equal(await rig.limited('receive_bytes'), 1);
  client.send(frame(RST_STREAM, 0, 1, uint32(8)));
  client.send(frame(HEADERS, END_HEADERS, 11, callHeaders(CALL)), frame(DATA, 0, 11, part));
  client.send(frame(HEADERS, END_HEADERS, 13, callHeaders(CALL)), frame(DATA, 0, 13, part));
  await client.first(({ type, stream }) => type === HEADERS && stream === 13);
  assert.equal(await rig.limited('receive_bytes'), 2);
});

test('an answer may have grpc.max_send_message_length bytes, and no more', TIMEOUT, async () => {
  const path = '/jina.JinaDiscoverEndpointsRPC/endpoint_discovery';
  await using rig = await openRig();
  const { length } = await unary(rig.client(), path);
  await using exact = await openRig({ grpc: { maxSendBytes: length } });
  assert.equal((await unary(exact.client(), path)).length, length);
  await using small = await openRig({ grpc: { maxSendBytes: length - 1 } });
  await assert.rejects(unary(small.client(), path), {
    code: status.RESOURCE_EXHAUSTED,
    details: `expected an answer of at most ${length - 1} bytes, got ${length}`,
  });
});

test('metadata may have header_bytes bytes, and no more', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { headerBytes: 1000 } });
  const session = connect(`http://127.0.0.1:${rig.port}`);
  const plain = { ':method': 'POST', ':scheme': 'http', ':path': CALL, ':authority': 'test' };
  const headers = { ...plain, 'content-type': 'application/grpc', te: 'trailers', 'x-long': '' };
  const bytes = Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  const codes: unknown[] = [];
  for (const size of [999, 1000, 1001, 2000]) {
    const stream = session.request({ ...headers, 'x-long': 'a'.repeat(size - bytes) }, { endStream: true });
    const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    codes.push(answer['clip-error']);
    stream.resume();
  }
  // Far above, the headers are not even kept.
  const far = session.request({ ...headers, 'x-long': 'a'.repeat(50_000) }, { endStream: true });
  await assert.rejects(once(far, 'response'), /ENHANCE_YOUR_CALM/);
  session.destroy();
  assert.deepEqual(codes, [undefined, undefined, 'headers_too_large', 'headers_too_large']);
  assert.equal(await rig.limited('header_bytes'), 2);
});

test('a connection has as many calls as streams says; others wait or are refused', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { streams: 3 } });
  // Who has not yet taken the settings is refused a call beyond them; who has, loses the connection.
  using client = new FrameClient(rig.port, 'preface');
  for (const stream of [1, 3, 5, 7]) client.send(frame(HEADERS, END_HEADERS, stream, callHeaders(CALL)));
  const refused = await client.first(({ type }) => type === RST_STREAM);
  assert.deepEqual([refused!.stream, refused!.payload.readUInt32BE(0)], [7, 7]);
  // One that ends makes room.
  client.send(frame(DATA, END_STREAM, 1));
  await client.first(({ type, stream }) => type === HEADERS && stream === 1);
  client.send(frame(HEADERS, END_HEADERS | END_STREAM, 9, callHeaders(CALL)));
  assert.ok(await client.first(({ type, stream }) => type === HEADERS && stream === 9));
});

test('a call that was reset has its place until its work has ended', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { streams: 1 } });
  let release = (): void => {};
  rig.service.enter = () =>
    new Promise((resolve) => {
      release = () => resolve(rig.service.admit());
    });
  using client = new FrameClient(rig.port);
  const message = prefixed(request('a', ['x']));
  client.send(frame(HEADERS, END_HEADERS, 1, callHeaders(CALL)), frame(DATA, 0, 1, message));
  await until(() => rig.metrics.streams.get().then(({ values }) => values[0]?.value === 1));
  client.send(frame(RST_STREAM, 0, 1, uint32(8)));
  client.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, callHeaders(CALL)));
  await client.first(({ type, stream }) => type === HEADERS && stream === 3);
  assert.equal(await rig.limited('streams'), 1);
  release();
});

test('a server has as many connections as connections says', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { connections: 2 } });
  using first = new FrameClient(rig.port);
  using second = new FrameClient(rig.port);
  for (const client of [first, second]) await client.first(() => true);
  using third = new FrameClient(rig.port);
  await third.end();
  assert.deepEqual([first.closed, second.closed, third.frames.length], [false, false, 0]);
  assert.equal(await rig.limited('connections'), 1);
  const open = await rig.metrics.connections.get();
  assert.deepEqual(open.values, [{ labels: { protocol: 'grpc' }, value: 2 }]);
});

test('a message that does not arrive ends the call', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { bodyMs: 60 } });
  using client = new FrameClient(rig.port);
  const part = prefixed(request('a', ['x'])).subarray(0, 20);
  client.send(frame(HEADERS, END_HEADERS, 1, callHeaders(CALL)), frame(DATA, 0, 1, part));
  await client.first(({ type, flags }) => type === HEADERS && (flags & END_STREAM) !== 0);
  assert.equal(await rig.limited('body_ms'), 1);
});

test('a call without a message on its way may be silent', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { bodyMs: 20, sendMs: 20 } });
  const stream = duplex(rig.client());
  const ended = outcome(stream);
  stream.write(request('a', ['x']));
  await new Promise((resolve) => setTimeout(resolve, 150));
  stream.end(request('b', ['x']));
  assert.deepEqual(
    (await ended).messages.map((message) => readReply(message).id),
    ['a', 'b'],
  );
});

test(
  'a client that reads nothing holds no more than stream_bytes, and is let go after send_ms',
  TIMEOUT,
  async () => {
    await using rig = await openRig({
      limits: { streamBytes: 2 ** 20, sendMs: 300 },
      gateway: { prefetch: 0 },
    });
    // Nothing is sent, and send_ms does not run, before the stream is full.
    const full = until(async () => (await rig.limited('stream_bytes')) > 0);
    rig.service.work = () => full;
    using client = new FrameClient(rig.port);
    client.send(frame(SETTINGS, 0, 0, NO_WINDOW));
    client.send(frame(HEADERS, END_HEADERS, 1, callHeaders(CALL)));
    const message = prefixed(request('a', ['x'.repeat(10_000)]));
    for (let i = 0; i < 700; i++) client.send(frame(DATA, 0, 1, message));
    client.send(frame(WINDOW_UPDATE, 0, 0, uint32(1)));
    const end = await client.first(({ type }) => type === RST_STREAM);
    assert.deepEqual([end!.stream, end!.payload.readUInt32BE(0)], [1, ENHANCE_YOUR_CALM]);
    assert.ok(rig.service.admitted <= 105, `${rig.service.admitted} requests of 10 KB for 1 MiB`);
    assert.equal(await rig.limited('send_ms'), 1);
    assert.equal(readReply((await exchange(rig.client(), [request('b', ['x'])])).messages[0]!).id, 'b');
  },
);

test('a connection that holds session_bytes gets no further calls', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { sessionBytes: 10_000_000 } });
  const message = prefixed(request('a', ['x'.repeat(500_000)]));
  const oneMore = async (calls: number): Promise<Frame | undefined> => {
    using client = new FrameClient(rig.port);
    client.send(frame(SETTINGS, 0, 0, NO_WINDOW));
    for (let call = 0; call < calls; call++) {
      const stream = 1 + 2 * call;
      client.send(frame(HEADERS, END_HEADERS, stream, callHeaders(CALL)));
      for (let at = 0; at < message.length; at += 16_384)
        client.send(frame(DATA, 0, stream, message.subarray(at, at + 16_384)));
      await client.first((each) => each.stream === stream && [HEADERS, RST_STREAM].includes(each.type));
    }
    client.send(frame(HEADERS, END_HEADERS | END_STREAM, 999, callHeaders(CALL)));
    return await client.first(({ stream }) => stream === 999);
  };
  assert.equal((await oneMore(10))!.type, HEADERS);
  assert.equal((await oneMore(24))!.type, RST_STREAM);
});

test('a connection without calls is closed after idle_ms', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { idleMs: 50 } });
  using client = new FrameClient(rig.port);
  await client.end();
  assert.ok(client.frames.some(({ type }) => type === 7));
});

test('a connection takes no new calls beyond its age', TIMEOUT, async () => {
  await using rig = await openRig({ grpc: { maxAgeMs: 50, maxAgeGraceMs: 50 } });
  using client = new FrameClient(rig.port);
  client.send(frame(HEADERS, END_HEADERS, 1, callHeaders(CALL)));
  await client.end();
  assert.ok(client.frames.some(({ type }) => type === 7));
});

test('a deadline of centuries is some weeks, and none that has passed', TIMEOUT, async () => {
  await using rig = await openRig();
  const hours: number[] = [];
  rig.service.work = async ({ deadline }) =>
    void hours.push(Math.round((deadline! - performance.now()) / 3_600_000));
  using client = new FrameClient(rig.port);
  for (const [stream, timeout] of [
    [1, '99999999H'],
    [3, '2592000S'],
    [5, '36000000m'],
  ] as const)
    client.send(
      frame(HEADERS, END_HEADERS, stream, callHeaders(CALL, { 'grpc-timeout': timeout })),
      frame(DATA, END_STREAM, stream, prefixed(request('a', ['x']))),
    );
  for (const stream of [1, 3, 5])
    assert.ok(await client.first((each) => each.type === DATA && each.stream === stream));
  assert.deepEqual(hours, [597, 597, 10]);
});
