import assert from 'node:assert/strict';
import { ClipError } from '../../../src/errors.ts';
import { dataRequest, embeddingsOf, requestIdOf } from './data-request.ts';
import { FrameClient, upgrade } from './frames.ts';
import { on, turns } from './rig.ts';

const END = Buffer.from([0]);

/** Holds work back until it is let go. */
function gate(): { readonly work: () => Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { work: () => opened, open };
}

on('the end of the server: idle clients get 1001, replies in flight come first', async (rig) => {
  const { work, open } = gate();
  rig.service.work = work;
  const idle = await rig.connect('bytes');
  const busy = await rig.connect('bytes');
  const finishing = await rig.connect('bytes');
  const asking = await rig.connect('json', { path: '/dry_run' });
  for (const id of ['a', 'b']) busy.send(dataRequest(id, ['x']));
  finishing.send(dataRequest('c', ['x']));
  finishing.send(END);
  while (rig.service.seen.length < 3) await turns(1);
  const closing = rig.listener.close(10_000);
  assert.deepEqual(await idle.closed, { code: 1001, reason: 'the server is shutting down' });
  assert.equal((await asking.closed).code, 1001);
  open();
  assert.equal((await busy.closed).code, 1001);
  assert.equal((await finishing.closed).code, 1000);
  assert.deepEqual(busy.messages.map(requestIdOf).sort(), ['a', 'b']);
  assert.deepEqual(
    finishing.messages.map((reply) => embeddingsOf(reply).length),
    [1],
  );
  await closing;
  await assert.rejects(rig.connect('bytes'));
});

on(
  'a client that has sent more than was taken hears so: 1011, after the replies to what was',
  async (rig) => {
    const { work, open } = gate();
    rig.service.work = work;
    const client = await rig.connect('bytes');
    // More than is read ahead.
    for (let i = 0; i < 400; i += 1) client.send(dataRequest(`${i}`, ['x'.repeat(1000)]));
    while (rig.service.seen.length < 2) await turns(1);
    await turns(20);
    const closing = rig.listener.close(10_000);
    open();
    const { code, reason } = await client.closed;
    assert.equal(code, 1011);
    assert.match(reason, /shutting down/);
    // One was taken and waited for room.
    assert.ok(client.messages.length >= 2 && client.messages.length <= 3, `${client.messages.length}`);
    await closing;
  },
  { gateway: { prefetch: 2 } },
);

on('a client that sends once more while the server ends hears so: 1011', async (rig) => {
  const client = await rig.connect('bytes');
  client.send(dataRequest('a', ['x']));
  await client.take(1);
  const other = await rig.connect('bytes');
  other.send(dataRequest('b', ['x']));
  await other.take(1);
  const closing = rig.listener.close(10_000);
  client.send(dataRequest('c', ['x']));
  other.send(END);
  assert.equal((await client.closed).code, 1011);
  assert.equal((await other.closed).code, 1000);
  assert.equal(rig.service.seen.length, 2);
  await closing;
});

on('a request that the server refuses for itself ends the session with 1011', async (rig) => {
  for (const code of ['draining', 'not_ready'] as const) {
    const client = await rig.connect('bytes');
    rig.service.refusal = new ClipError(code, `expected no ${'é'.repeat(100)}`);
    client.send(dataRequest('x', ['x']));
    const closed = await client.closed;
    assert.equal(closed.code, 1011);
    assert.match(closed.reason, /^expected no é+…$/);
    assert.ok(Buffer.byteLength(closed.reason) <= 123);
    rig.service.refusal = undefined;
  }
});

on('a request that is refused for a full server is answered', async (rig) => {
  const client = await rig.connect('json');
  rig.service.refusal = new ClipError('overloaded', 'at most 1');
  client.send({ header: { request_id: 'x' }, data: [{ text: 'x' }] });
  const [{ header }] = await client.takeJson(1);
  assert.deepEqual([header.request_id, header.status.exception.name], ['x', 'ResourceExhausted']);
});

on('clients that do not answer the close do not hold the end up', async (rig) => {
  const silent = await FrameClient.open(rig.port);
  silent.socket.pause();
  await rig.listener.close(600_000);
  silent.destroy();
});

on('while the server ends, requests to upgrade on open connections get 503', async (rig) => {
  const { work, open } = gate();
  rig.service.work = work;
  const busy = await rig.connect('bytes');
  busy.send(dataRequest('a', ['x']));
  while (rig.service.seen.length < 1) await turns(1);
  const late = new FrameClient(rig.port);
  // Half a head: the connection is not idle.
  const text = upgrade('/');
  late.send(text.slice(0, 40));
  while ((await rig.count('clip_connections{protocol="websocket"}')) < 2) await turns(1);
  await turns(5);
  const closing = rig.listener.close(10_000);
  late.send(text.slice(40));
  await late.closed;
  assert.ok(!late.rest.includes('101'), late.rest.toString());
  open();
  await closing;
});
