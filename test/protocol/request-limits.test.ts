import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRequest } from '../../src/protocol/jina/wire/request.ts';
import { decodeResponse } from '../../src/protocol/jina/wire/response.ts';
import { exchange, openRig as openGrpc } from './grpc/rig.ts';
import { limit, on } from './websocket/rig.ts';

const TIMEOUT = { timeout: 120_000 };
const LIMITS = { itemsPerRequest: 3, jsonDepth: 40, valuesPerRequest: 50 };

const texts = (count: number) => Array.from({ length: count }, (_, index) => ({ id: `${index}`, text: 'x' }));
const nested = (levels: number): object => (levels === 0 ? {} : { in: nested(levels - 1) });
const list = (count: number) => ({ list: Array(count).fill(1) });
/** A request at the limit, and one beyond it. The list is a value beside its members. */
const CASES = [
  ['items_per_request', 'too_many_items', { documents: texts(3) }, { documents: texts(4) }],
  ['json_depth', 'too_deep', { parameters: nested(4) }, { parameters: nested(20) }],
  ['values_per_request', 'too_many_values', { parameters: list(49) }, { parameters: list(50) }],
] as const;
const PLAIN = { documents: texts(1), parameters: {} };
const messagesOf = (fits: object, beyond: object) => [
  encodeRequest({ requestId: 'fits', endpoint: '/encode', ...PLAIN, ...fits }),
  encodeRequest({ requestId: 'beyond', endpoint: '/encode', ...PLAIN, ...beyond }),
  encodeRequest({ requestId: 'next', endpoint: '/encode', ...PLAIN }),
];

/** Request ids, each with the code of its error. */
function codesOf(replies: readonly Uint8Array[]): Record<string, string | undefined> {
  const read = replies.map((reply) => decodeResponse(reply));
  return Object.fromEntries(
    read.map(({ requestId, status }) => [requestId, status?.exception?.args?.[1]] as const),
  );
}

for (const [key, code, fits, beyond] of CASES) {
  const expected = { fits: undefined, beyond: code, next: undefined };

  test(`grpc: a request beyond ${key} fails alone, and is counted`, TIMEOUT, async () => {
    await using rig = await openGrpc({ limits: LIMITS });
    const { messages } = await exchange(rig.client(), messagesOf(fits, beyond));
    assert.deepEqual(codesOf(messages), expected);
    assert.equal(await rig.limited(key), 1);
  });

  on(
    `websocket: a request beyond ${key} fails alone, and is counted`,
    async (rig) => {
      const client = await rig.connect('bytes');
      for (const message of messagesOf(fits, beyond)) client.send(message);
      assert.deepEqual(codesOf(await client.take(3)), expected);
      assert.equal(await rig.count(limit(key)), 1);
    },
    { limits: LIMITS },
  );
}

on(
  'websocket: as JSON a request beyond items_per_request fails alone, one beyond json_depth ends the connection',
  async (rig) => {
    const client = await rig.connect('json');
    client.send({ data: texts(4), header: { request_id: 'beyond' } });
    client.send({ data: texts(3), header: { request_id: 'fits' } });
    const replies = await client.takeJson(2);
    const codes = replies.map(({ header }) => [header.request_id, header.status?.exception.args[1]]);
    assert.deepEqual(Object.fromEntries(codes), { beyond: 'too_many_items', fits: undefined });
    client.send({ data: texts(1), parameters: nested(40) });
    assert.equal((await client.closed).code, 1008);
    assert.equal(await rig.count(limit('items_per_request')), 1);
    assert.equal(await rig.count(limit('json_depth')), 1);
  },
  { limits: LIMITS },
);
