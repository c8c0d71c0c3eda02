import assert from 'node:assert/strict';
import { vectorOf } from '../fake-service.ts';
import { on } from './rig.ts';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const vector = (text: string): number[] => [...vectorOf({ kind: 'text', text })];

on('json: a request is answered as the reference answers it, and {} ends the session', async (rig) => {
  const client = await rig.connect('json');
  assert.equal(client.socket.protocol, 'json');
  client.send({ data: [{ id: 'a', text: 'hi' }], parameters: { x: 1 }, execEndpoint: '/encode' });
  client.send('{}');
  const [reply] = await client.takeJson(1);
  const { request_id: requestId, ...header } = reply.header;
  assert.match(requestId, /^[0-9a-f]{32}$/);
  assert.deepEqual(header, { exec_endpoint: '/encode' });
  assert.deepEqual(reply.parameters, { x: 1 });
  assert.deepEqual(
    reply.routes.map(({ executor }: { executor: string }) => executor),
    ['gateway', 'clip_t'],
  );
  for (const { start_time: start, end_time: end, ...rest } of reply.routes) {
    assert.match(start, TIME);
    assert.match(end, TIME);
    assert.deepEqual(Object.keys(rest), ['executor']);
  }
  assert.equal(reply.data.length, 1);
  const [{ id, text, embedding, chunks, tags, mime_type: type }] = reply.data;
  assert.deepEqual([id, text, chunks, tags, type], ['a', 'hi', null, null, 'text/plain']);
  assert.deepEqual(embedding, vector('hi'));
  assert.deepEqual(await client.closed, { code: 1000, reason: '' });
  assert.equal(rig.service.open, 0);
});

on('json: vectors come in the form that the parameters state', async (rig) => {
  const client = await rig.connect('json');
  const data = [{ text: 'hi' }];
  client.send({ data, parameters: { embedding_type: 'ubinary' }, header: { request_id: 'bits' } });
  client.send({ data, parameters: { encoding_format: 'base64' }, header: { request_id: 'text' } });
  client.send({ data, parameters: { dimensions: 9 }, header: { request_id: 'bad' } });
  const replies = new Map((await client.takeJson(3)).map((reply) => [reply.header.request_id, reply]));
  assert.deepEqual(replies.get('bits').data[0].embedding, [0b11100000]);
  const bytes = Buffer.from(replies.get('text').data[0].embedding, 'base64');
  assert.deepEqual([...new Float32Array(Uint8Array.from(bytes).buffer)], vector('hi'));
  assert.equal(replies.get('bad').header.status.exception.args[1], 'invalid_request');
});

on('json is spoken where no sub-protocol, or none that is known, is asked for', async (rig) => {
  const client = await rig.connect();
  client.send({ data: { docs: [{ text: 'x' }] } });
  client.send(' { } ');
  assert.deepEqual((await client.takeJson(1))[0].data[0].embedding, vector('x'));
  assert.equal((await client.closed).code, 1000);
});

on('of several sub-protocols the first that is known is taken', async (rig) => {
  for (const [asked, chosen] of [
    [['x', 'bytes', 'json'], 'bytes'],
    [['json', 'bytes'], 'json'],
  ] as const) {
    const client = await rig.connect([...asked]);
    assert.equal(client.socket.protocol, chosen);
    client.socket.close();
    await client.closed;
  }
});

on('a request id of the client is given back, in either spelling', async (rig) => {
  const client = await rig.connect('json');
  client.send({ header: { request_id: 'one' }, data: [] });
  client.send({ header: { requestId: 'two' }, data: [] });
  client.send({ header: 5, data: null });
  const replies = await client.takeJson(3);
  const ids = replies.map(({ header }) => header.request_id);
  assert.deepEqual(ids.slice(0, 2), ['one', 'two']);
  assert.match(ids[2], /^[0-9a-f]{32}$/);
  assert.deepEqual(
    replies.map(({ data }) => data),
    [[], [], []],
  );
});

on('faults of documents are answered and the session goes on', async (rig) => {
  const client = await rig.connect('json');
  const faults = [
    { data: [{ text: ['x'] }] },
    { data: 5 },
    { data: [{ text: 'a' }], parameters: 7 },
    { data: [{ text: 'fail:invalid_image' }] },
    { data: [{ tensor: [[1], [2, 3]] }] },
  ];
  for (const [i, fault] of faults.entries()) client.send({ header: { request_id: `${i}` }, ...fault });
  client.send({ header: { request_id: 'good' }, data: [{ text: 'b' }] });
  const replies = await client.takeJson(faults.length + 1);
  for (const { header } of replies) {
    const good = header.request_id === 'good';
    assert.equal(header.status?.code, good ? undefined : 1, JSON.stringify(header));
    if (!good) assert.match(header.status.description, /^(ValidationError|UnidentifiedImageError)\(/);
  }
  client.send('{}');
  assert.equal((await client.closed).code, 1000);
});

on('ranking comes back in order with both scores', async (rig) => {
  const client = await rig.connect('json');
  client.send({
    exec_endpoint: '/rank',
    data: [
      {
        text: 'q',
        matches: [
          { id: 's', text: 'a' },
          { id: 'l', text: 'longer' },
        ],
      },
    ],
  });
  const [{ data }] = await client.takeJson(1);
  assert.deepEqual(
    data[0].matches.map(({ id }: { id: string }) => id),
    ['l', 's'],
  );
  assert.equal(data[0].matches[0].scores.clip_score.op_name, 'softmax');
});

const NO_REQUESTS: readonly (readonly [string | Uint8Array, number, RegExp])[] = [
  ['not json', 1007, /valid JSON/],
  ['', 1008, /empty/],
  ['[1]', 1008, /key data/],
  ['7', 1008, /key data/],
  ['{"text":"x"}', 1008, /key data/],
  [`{"data":${'['.repeat(200)}`, 1008, /100 levels/],
  [Buffer.from('{"data":[]}'), 1003, /expected text messages/],
];
for (const [message, code, reason] of NO_REQUESTS) {
  on(
    `${String(message).slice(0, 20) || 'nothing'} ends with ${code}, after the replies that are due`,
    async (rig) => {
      const client = await rig.connect('json');
      let go = (): void => {};
      rig.service.work = () =>
        new Promise((resolve) => {
          go = resolve;
        });
      client.send({ header: { request_id: 'first' }, data: [{ text: 'x' }] });
      client.send(message);
      client.send({ header: { request_id: 'never' }, data: [{ text: 'y' }] });
      while (rig.service.seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
      go();
      const replies = await client.takeJson(2);
      assert.deepEqual(
        replies.map(({ header }) => header.request_id),
        ['first'],
      );
      const closed = await client.closed;
      assert.equal(closed.code, code);
      assert.match(closed.reason, reason);
      assert.ok(Buffer.byteLength(closed.reason) <= 123);
    },
  );
}

on('a number that JSON has no word for is answered with an error', async (rig) => {
  rig.service.encode = async () => [{ vector: Float32Array.of(Number.NaN) }];
  const client = await rig.connect('json');
  client.send({ data: [{ text: 'x' }] });
  const [{ header, data }] = await client.takeJson(1);
  assert.match(header.status.description, /finite/);
  assert.deepEqual(data, []);
});
