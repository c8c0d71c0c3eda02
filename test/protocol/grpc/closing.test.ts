import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { FrameClient, GOAWAY, goodbye } from './frames.ts';
import { duplex, exchange, openRig, outcome, readReply, request, until } from './rig.ts';

const TIMEOUT = { timeout: 120_000 };

test('closing lets requests in flight finish, and says goodbye', TIMEOUT, async () => {
  await using rig = await openRig();
  let release = (): void => {};
  rig.service.work = () =>
    new Promise((resolve) => {
      release = resolve;
    });
  const stream = duplex(rig.client());
  const ended = outcome(stream);
  stream.write(request('a', ['x']));
  using idle = new FrameClient(rig.port);
  await idle.first(() => true);
  await until(() => rig.service.open === 1);
  const closing = rig.listener.close(10_000);
  assert.deepEqual(goodbye((await idle.first(({ type }) => type === GOAWAY))!), { code: 0, text: '' });
  await idle.end();
  release();
  // The client could send more and does not: the call ends when its last reply is out.
  const { messages, status: end } = await ended;
  assert.deepEqual(
    messages.map((message) => readReply(message).id),
    ['a'],
  );
  assert.equal(end.code, status.UNAVAILABLE);
  assert.deepEqual(end.metadata.get('clip-error'), ['draining']);
  await closing;
  using late = new FrameClient(rig.port);
  await late.end();
  assert.equal(late.frames.length, 0);
});

test('a call whose client has closed its side ends with OK while the server closes', TIMEOUT, async () => {
  await using rig = await openRig();
  const held: (() => void)[] = [];
  rig.service.work = () => new Promise((resolve) => held.push(resolve));
  const ended = exchange(rig.client(), [request('a', ['x']), request('b', ['x'])]);
  await until(() => held.length === 2);
  const closing = rig.listener.close(10_000);
  for (const release of held) release();
  const { messages, status: end } = await ended;
  assert.deepEqual([messages.length, end.code], [2, status.OK]);
  await closing;
});

test('what is not finished in time is ended', TIMEOUT, async () => {
  await using rig = await openRig();
  const reasons: unknown[] = [];
  rig.service.work = ({ signal }) =>
    new Promise((resolve) =>
      signal.addEventListener('abort', () => {
        reasons.push(signal.reason.code);
        resolve();
      }),
    );
  const ended = exchange(rig.client(), [request('a', ['x'])]);
  await until(() => rig.service.open === 1);
  const once = rig.listener.close(50);
  await Promise.all([once, rig.listener.close(10_000)]);
  assert.notEqual((await ended).status.code, status.OK);
  await until(() => rig.service.open === 0);
  assert.deepEqual(reasons, ['cancelled']);
  const open = await rig.metrics.connections.get();
  assert.deepEqual(open.values, [{ labels: { protocol: 'grpc' }, value: 0 }]);
});

test('a port that is taken is an error that names it', TIMEOUT, async () => {
  await using rig = await openRig();
  await assert.rejects(openRig({ port: rig.port }), {
    message: new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${rig.port}: .*EADDRINUSE`),
  });
  const { messages } = await exchange(rig.client(), [request('a', ['x'])]);
  assert.equal(messages.length, 1);
});

test('a listener says where it is', TIMEOUT, async () => {
  await using rig = await openRig();
  assert.ok(rig.port > 0);
  assert.deepEqual(rig.listener, {
    ...rig.listener,
    protocol: 'grpc',
    implementation: 'grpc-js',
    address: { host: '127.0.0.1', port: rig.port, secure: false },
  });
});
