import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CONTINUATION,
  callHeaders,
  DATA,
  END_HEADERS,
  END_STREAM,
  ENHANCE_YOUR_CALM,
  FrameClient,
  frame,
  GOAWAY,
  goodbye,
  HEADERS,
  header,
  PING,
  prefixed,
  RST_STREAM,
  SETTINGS,
  uint32,
  WINDOW_UPDATE,
} from './frames.ts';
import { CALL, exchange, openRig, type Rig, readReply, request, until } from './rig.ts';

const TIMEOUT = { timeout: 120_000 };
const PINGS = frame(PING, 0, 0, Buffer.alloc(8));

/** Another connection is served as if nothing happened. */
async function assertServed(rig: Rig): Promise<void> {
  const { messages } = await exchange(rig.client(), [request('other', ['x'])]);
  assert.equal(readReply(messages[0]!).id, 'other');
}

test(
  'pings every 10 ms end the connection, and pings as of a client that lives do not',
  TIMEOUT,
  async () => {
    await using rig = await openRig({ limits: { pingMs: 100 } });
    using calm = new FrameClient(rig.port);
    // Sixty may come at once, which is ten minutes of a client that pings every ten seconds.
    for (let i = 0; i < 60; i++) calm.send(PINGS);
    await until(() => calm.frames.filter(({ type }) => type === PING).length === 60);
    using client = new FrameClient(rig.port);
    const timer = setInterval(() => client.send(PINGS), 10);
    const end = await client.first(({ type }) => type === GOAWAY);
    assert.deepEqual(goodbye(end!), { code: ENHANCE_YOUR_CALM, text: 'too_many_pings' });
    await client.end();
    clearInterval(timer);
    assert.equal(await rig.limited('ping_ms'), 1);
    assert.equal(calm.closed, false);
    await assertServed(rig);
  },
);

test('the ping too many is the one after the burst', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { pingMs: 2 ** 31 - 1 } });
  using client = new FrameClient(rig.port);
  for (let i = 0; i < 61; i++) client.send(PINGS);
  await client.end();
  assert.equal(await rig.limited('ping_ms'), 1);
});

test('pings by which a client measures its bandwidth while answers come are free', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { pingMs: 2 ** 31 - 1 } });
  using client = new FrameClient(rig.port);
  client.send(frame(HEADERS, END_HEADERS, 1, callHeaders(CALL)));
  for (const stream of [0, 1]) client.send(frame(WINDOW_UPDATE, 0, stream, uint32(2 ** 20)));
  const message = prefixed(request('a', ['x'.repeat(200)]));
  for (let i = 1; i <= 200; i++) {
    client.send(frame(DATA, 0, 1, message));
    await until(() => client.closed || client.frames.filter(({ type }) => type === DATA).length === i);
    client.send(PINGS);
    await until(() => client.closed || client.frames.filter(({ type }) => type === PING).length === i);
  }
  assert.deepEqual([client.closed, await rig.limited('ping_ms')], [false, 0]);
});

test('a client that does not answer pings is let go', TIMEOUT, async () => {
  await using rig = await openRig({ grpc: { keepaliveMs: 30, keepaliveTimeoutMs: 30 } });
  using client = new FrameClient(rig.port);
  assert.ok(await client.first(({ type }) => type === PING));
  await client.end();
});

test('a flood of settings ends the connection', TIMEOUT, async () => {
  await using rig = await openRig();
  using client = new FrameClient(rig.port);
  const timer = setInterval(() => client.send(frame(SETTINGS, 0, 0)), 1);
  const end = await client.first(({ type }) => type === GOAWAY);
  clearInterval(timer);
  assert.equal(goodbye(end!).code, ENHANCE_YOUR_CALM);
  await client.end();
  await assertServed(rig);
});

test('10,000 calls that are reset at once end the connection, and few of them run', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { streamResets: 1000 } });
  rig.service.work = ({ signal }) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  using client = new FrameClient(rig.port);
  const message = prefixed(request('a', ['x']));
  for (let i = 0; i < 10_000; i++) {
    const stream = 1 + 2 * i;
    client.send(
      frame(HEADERS, END_HEADERS, stream, callHeaders(CALL)),
      frame(DATA, 0, stream, message),
      frame(RST_STREAM, 0, stream, uint32(8)),
    );
  }
  await client.end();
  assert.equal(await rig.limited('stream_resets'), 1);
  assert.ok(rig.service.admitted < 5000, `${rig.service.admitted} requests were worked on`);
  await until(() => rig.service.open === 0);
  rig.service.work = async () => {};
  await assertServed(rig);
});

test('as many resets as allowed keep the connection', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { streamResets: 50 } });
  using client = new FrameClient(rig.port);
  const reset = (stream: number) => {
    client.send(frame(HEADERS, END_HEADERS, stream, callHeaders(CALL)));
    client.send(frame(RST_STREAM, 0, stream, uint32(8)));
  };
  for (let i = 0; i < 50; i++) reset(1 + 2 * i);
  client.send(PINGS);
  await client.first(({ type }) => type === PING);
  assert.equal(client.closed, false);
  for (let i = 50; i < 200; i++) reset(1 + 2 * i);
  await client.end();
  assert.equal(await rig.limited('stream_resets'), 1);
});

test('headers without end are cut off', TIMEOUT, async () => {
  await using rig = await openRig();
  using client = new FrameClient(rig.port);
  client.send(frame(HEADERS, 0, 1, callHeaders(CALL)));
  for (let i = 0; i < 1000; i++) client.send(frame(CONTINUATION, 0, 1, header('a', 'b')));
  await client.end();
  await assertServed(rig);
});

test('a client that says nothing is let go', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { headerMs: 50 } });
  using silent = new FrameClient(rig.port, 'no');
  await silent.end();
  assert.equal(await rig.limited('header_ms'), 1);
  await assertServed(rig);
});

test('a message in a million frames of one byte is read, in little memory', TIMEOUT, async () => {
  const bytes = 1_000_000;
  await using rig = await openRig();
  using client = new FrameClient(rig.port);
  client.send(frame(HEADERS, END_HEADERS, 1, callHeaders(CALL)));
  const message = prefixed(request('a', ['x'.repeat(bytes - 50)]));
  const before = process.memoryUsage().rss;
  let most = 0;
  for (let at = 0; at < message.length; at += 5000) {
    const pieces = Array.from(message.subarray(at, at + 5000), (byte) => frame(DATA, 0, 1, Buffer.of(byte)));
    if (!client.send(...pieces)) await new Promise((resolve) => client.socket.once('drain', resolve));
    most = Math.max(most, process.memoryUsage().rss - before);
  }
  client.send(frame(DATA, END_STREAM, 1));
  await client.first(({ type, stream }) => type === DATA && stream === 1);
  assert.equal(rig.service.admitted, 1);
  assert.ok(most < 150 * 2 ** 20, `grew by ${most} bytes`);
});
