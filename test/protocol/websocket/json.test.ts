import assert from 'node:assert/strict';
import { vectorOf } from '../fake-service.ts';
import { onServer } from './rig.ts';

const request = (text: string, more: object = {}) => JSON.stringify({ data: [{ id: text, text }], ...more });

onServer('json: requests are answered, `{}` ends the input, the server closes 1000', async ({ connect }) => {
  const client = await connect('json');
  assert.equal(client.socket.protocol, 'json');
  client.socket.send(request('a', { exec_endpoint: '/encode', header: { request_id: 'r1' } }));
  client.socket.send(request('b'));
  client.socket.send('{}');
  const replies = await client.json(2);
  assert.deepEqual(await client.closed, [1000, '']);
  const first = replies.find(({ header }) => header.request_id === 'r1');
  assert.deepEqual(Object.keys(first), ['header', 'parameters', 'routes', 'data']);
  assert.deepEqual(first.header, { request_id: 'r1', exec_endpoint: '/encode', target_executor: '' });
  assert.deepEqual(first.data[0].embedding, [...vectorOf({ kind: 'text', text: 'a' })]);
  assert.equal(first.data[0].uri, null);
  assert.match(first.routes[0].start_time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  assert.deepEqual(Object.keys(first.routes[1]), ['executor', 'start_time', 'end_time']);
  const second = replies.find(({ data }) => data[0].id === 'b');
  assert.match(second.header.request_id, /^[0-9a-f]{32}$/);
  assert.equal(client.messages[0]!.isBinary, false);
});

onServer('no sub-protocol and unknown ones mean json, and are not echoed', async ({ connect }) => {
  const client = await connect();
  assert.equal(client.socket.protocol, '');
  client.socket.send(request('a'));
  assert.equal((await client.json(1))[0].data[0].id, 'a');
});

onServer(
  'a fault inside the documents is answered, and the connection goes on',
  async ({ connect, service }) => {
    const client = await connect('json');
    client.socket.send(JSON.stringify({ data: [{ text: {} }], header: { request_id: 'bad' } }));
    client.socket.send(request('fail:invalid_image'));
    client.socket.send(request('good'));
    client.socket.send('{}');
    const replies = await client.json(3);
    assert.deepEqual(await client.closed, [1000, '']);
    const bad = replies.find(({ header }) => header.request_id === 'bad');
    assert.equal(bad.header.status.code, 1);
    assert.match(bad.header.status.description, /expected a string/);
    const failed = replies.find(({ data }) => data[0]?.id === 'fail:invalid_image');
    assert.equal(failed.header.status.exception.name, 'UnidentifiedImageError');
    assert.equal(failed.data[0].embedding, null);
    assert.ok(replies.some(({ data, header }) => data[0]?.id === 'good' && !header.status));
    assert.equal(service.open, 0);
    assert.equal(service.doubleReleases, 0);
  },
);

const JUNK: readonly (readonly [name: string, message: string | Buffer, code: number, reason: RegExp])[] = [
  ['broken JSON', '{"data":', 1007, /JSON/],
  ['a request without data', '{"parameters":{}}', 1008, /data/],
  ['a list', '[1]', 1008, /data/],
  ['a binary message', Buffer.from('{}'), 1003, /text/],
  ['JSON that is too deep', '['.repeat(2000), 1008, /level/],
];
for (const [name, message, code, reason] of JUNK)
  onServer(`json: ${name} ends the connection with ${code}, after the replies in flight`, async (rig) => {
    let go = (): void => {};
    rig.service.work = () =>
      new Promise((resolve) => {
        go = resolve;
      });
    const client = await rig.connect('json');
    client.socket.send(request('before'));
    client.socket.send(message);
    while (rig.service.seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    go();
    assert.equal((await client.json(1))[0].data[0].id, 'before');
    const closed = await client.closed;
    assert.equal(closed[0], code);
    assert.match(closed[1], reason);
    assert.ok(Buffer.byteLength(closed[1]) <= 123);
    assert.equal(rig.service.open, 0);
  });
