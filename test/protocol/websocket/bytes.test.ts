import assert from 'node:assert/strict';
import { vectorOf } from '../fake-service.ts';
import { dataRequest, embeddingsOf, failed, requestIdOf } from './data-request.ts';
import { on } from './rig.ts';

const END = Buffer.from([0]);
const vector = (text: string): number[] => [...vectorOf({ kind: 'text', text })];

on(
  'bytes: replies carry the ids of their requests; after the end of input the server closes',
  async (rig) => {
    const client = await rig.connect('bytes');
    assert.equal(client.socket.protocol, 'bytes');
    for (const id of ['a', 'b', 'c']) client.send(dataRequest(id, [`text ${id}`, 'x']));
    client.send(END);
    assert.deepEqual(await client.closed, { code: 1000, reason: '' });
    const replies = new Map(client.messages.map((reply) => [requestIdOf(reply), embeddingsOf(reply)]));
    for (const id of ['a', 'b', 'c']) assert.deepEqual(replies.get(id), [vector(`text ${id}`), vector('x')]);
    assert.deepEqual(client.binary, [true, true, true]);
    assert.equal(rig.service.open, 0);
  },
);

on('no requests at all: the end of input is answered with the close', async (rig) => {
  const client = await rig.connect('bytes');
  client.send(END);
  assert.equal((await client.closed).code, 1000);
  assert.deepEqual(client.messages, []);
});

on('replies come as they are ready, and what comes after the end of input is dropped', async (rig) => {
  const client = await rig.connect('bytes');
  let go = (): void => {};
  const gone = new Promise<void>((resolve) => {
    go = resolve;
  });
  rig.service.work = async () => {
    if (rig.service.seen.length === 1) await gone;
  };
  client.send(dataRequest('slow', ['s']));
  client.send(dataRequest('fast', ['f']));
  client.send(END);
  client.send(dataRequest('late', ['l']));
  assert.equal(requestIdOf((await client.take(1))[0]!), 'fast');
  go();
  assert.equal(requestIdOf((await client.take(1))[0]!), 'slow');
  assert.equal((await client.closed).code, 1000);
  assert.deepEqual(client.messages, []);
});

on('a request that fails is answered, the rest goes on', async (rig) => {
  const client = await rig.connect('bytes');
  client.send(dataRequest('bad', ['fail:invalid_image']));
  client.send(dataRequest('good', ['x']));
  const replies = await client.take(2);
  assert.deepEqual(
    new Map(replies.map((reply) => [requestIdOf(reply), failed(reply)])),
    new Map([
      ['bad', true],
      ['good', false],
    ]),
  );
});

on('a message that is no protobuf ends with 1008, a text message with 1003', async (rig) => {
  for (const [message, code] of [
    [Buffer.from([0xff, 0xff]), 1008],
    ['text', 1003],
  ] as const) {
    const client = await rig.connect('bytes');
    client.send(dataRequest('first', ['x']));
    client.send(message);
    const closed = await client.closed;
    assert.equal(closed.code, code);
    assert.match(closed.reason, /expected/);
    assert.equal(client.messages.map(requestIdOf).join(), 'first');
  }
});

on('a client that leaves cancels its work', async (rig) => {
  const client = await rig.connect('bytes');
  const cancelled = new Promise<unknown>((resolve) => {
    rig.service.work = ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          resolve(signal.reason);
          reject(signal.reason);
        });
        client.socket.close(1000);
      });
  });
  client.send(dataRequest('x', ['x']));
  assert.equal(((await cancelled) as { code: string }).code, 'cancelled');
  assert.equal((await client.closed).code, 1000);
  while (rig.service.open > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await rig.count('clip_requests_total{protocol="websocket",route="/",code="cancelled"}'), 1);
});
