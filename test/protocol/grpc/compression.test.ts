import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { test } from 'node:test';
import { createGzip, deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { prefixed } from './frames.ts';
import { CALL, openRig, type Reply, type Rig, readReply, request } from './rig.ts';

const TIMEOUT = { timeout: 120_000 };

interface Exchange {
  readonly status: string | undefined;
  readonly code: string | undefined;
  readonly encoding: string | undefined;
  /** What was answered, with the prefix. */
  readonly body: Buffer;
}

/** One call by hand: grpc-js' own client neither shows the flag nor sends a bomb. */
async function call(rig: Rig, body: Uint8Array, headers: Record<string, string>): Promise<Exchange> {
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${rig.port}`);
  session.on('error', () => {});
  const stream = session.request({
    ':method': 'POST',
    ':path': CALL,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  const seen: IncomingHttpHeaders[] = [];
  stream.on('error', () => {});
  stream.on('response', (first) => seen.push(first));
  stream.on('trailers', (last) => seen.push(last));
  const parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  stream.end(body);
  await once(stream, 'close');
  session.destroy();
  const all = Object.assign({}, ...seen) as Record<string, string | undefined>;
  return {
    status: all['grpc-status'],
    code: all['clip-error'],
    encoding: all['grpc-encoding'],
    body: Buffer.concat(parts),
  };
}

/** As they are ready, each behind its prefix. */
function repliesIn(body: Buffer): Reply[] {
  const replies: Reply[] = [];
  for (let at = 0; at < body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    replies.push(readReply(body.subarray(at + 5, end)));
    at = end;
  }
  return replies;
}

const LONG = request(
  'a',
  Array.from({ length: 100 }, (_, i) => `text ${i}`),
);

for (const [encoding, squeeze] of [
  ['gzip', gzipSync],
  ['deflate', deflateSync],
] as const)
  test(`requests in ${encoding} are read, also beside plain ones`, TIMEOUT, async () => {
    await using rig = await openRig();
    const body = Buffer.concat([prefixed(squeeze(LONG), true), prefixed(request('b', ['x']))]);
    const { status, body: answer, encoding: own } = await call(rig, body, { 'grpc-encoding': encoding });
    assert.deepEqual([status, own], ['0', 'identity']);
    const documents = repliesIn(answer).map(({ id, documents }) => [id, documents.length]);
    assert.deepEqual(documents.sort(), [
      ['a', 100],
      ['b', 1],
    ]);
    assert.equal(rig.service.admitted, 2);
  });

for (const [what, body, encoding, status, code] of [
  ['an encoding that is not known', prefixed(LONG, true), 'snappy', '12', 'unsupported_encoding'],
  ['a compressed message without an encoding', prefixed(LONG, true), undefined, '3', 'invalid_request'],
  ['a message that is not what it says', prefixed(LONG, true), 'gzip', '3', 'invalid_request'],
  [
    'a message that is cut off',
    prefixed(gzipSync(LONG).subarray(0, -20), true),
    'gzip',
    '3',
    'invalid_request',
  ],
  ['a flag that is neither 0 nor 1', Buffer.from([7, 0, 0, 0, 0]), 'gzip', '3', 'invalid_request'],
] as const)
  test(`${what} ends the call`, TIMEOUT, async () => {
    await using rig = await openRig();
    const ended = await call(rig, body, encoding ? { 'grpc-encoding': encoding } : {});
    assert.deepEqual([ended.status, ended.code], [status, code]);
  });

test('a message may inflate to request_bytes, and no further', TIMEOUT, async () => {
  await using rig = await openRig({ limits: { requestBytes: LONG.length } });
  const headers = { 'grpc-encoding': 'gzip' };
  assert.equal((await call(rig, prefixed(gzipSync(LONG), true), headers)).status, '0');
  const larger = Buffer.concat([LONG, Buffer.of(0)]);
  const ended = await call(rig, prefixed(gzipSync(larger), true), headers);
  assert.deepEqual([ended.status, ended.code], ['8', 'request_too_large']);
  assert.equal(await rig.limited('request_bytes'), 1);
});

/** As many bytes of zeros as gzip makes of a gigabyte. */
async function bomb(): Promise<Buffer> {
  const gzip = createGzip();
  const parts: Buffer[] = [];
  gzip.on('data', (part: Buffer) => parts.push(part));
  const zeros = Buffer.alloc(2 ** 24);
  for (let i = 0; i < 64; i++) if (!gzip.write(zeros)) await once(gzip, 'drain');
  gzip.end();
  await once(gzip, 'end');
  return Buffer.concat(parts);
}

test(
  'a megabyte that inflates to a gigabyte is refused, in little memory, also ten at a time',
  TIMEOUT,
  async () => {
    await using rig = await openRig({ limits: { requestBytes: 16 * 2 ** 20 } });
    const message = prefixed(await bomb(), true);
    assert.ok(message.length < 1.1 * 2 ** 20);
    const before = process.memoryUsage().rss;
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss - before);
    }, 5);
    const calls = Array.from({ length: 10 }, () => call(rig, message, { 'grpc-encoding': 'gzip' }));
    for (const { status } of await Promise.all(calls)) assert.equal(status, '8');
    clearInterval(timer);
    assert.ok(most < 250 * 2 ** 20, `grew by ${most} bytes`);
  },
);

for (const [compression, unpack] of [
  ['gzip', gunzipSync],
  ['deflate', inflateSync],
] as const)
  test(`replies are in ${compression} where the flow says so and the client takes it`, TIMEOUT, async () => {
    await using rig = await openRig({ grpc: { compression } });
    const accept = { 'grpc-accept-encoding': `identity, ${compression}` };
    const packed = await call(rig, prefixed(LONG), accept);
    assert.deepEqual([packed.encoding, packed.body[0], packed.status], [compression, 1, '0']);
    assert.equal(packed.body.readUInt32BE(1), packed.body.length - 5);
    assert.equal(readReply(unpack(packed.body.subarray(5))).documents.length, 100);
    // What is short is not worth it.
    const short = await call(rig, prefixed(request('a', ['x'])), accept);
    assert.deepEqual([short.encoding, short.body[0]], [compression, 0]);
    for (const other of [{}, { 'grpc-accept-encoding': 'identity,zstd' }]) {
      const plain = await call(rig, prefixed(LONG), other as Record<string, string>);
      assert.deepEqual([plain.encoding, plain.body[0]], ['identity', 0]);
    }
  });

test('replies are not compressed where the flow does not say so', TIMEOUT, async () => {
  await using rig = await openRig();
  const { encoding, body } = await call(rig, prefixed(LONG), { 'grpc-accept-encoding': 'gzip' });
  assert.deepEqual([encoding, body[0]], ['identity', 0]);
});
