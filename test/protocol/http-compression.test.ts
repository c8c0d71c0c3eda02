import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { test } from 'node:test';
import {
  brotliCompressSync,
  brotliDecompressSync,
  deflateRawSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateSync,
} from 'node:zlib';
import { ClipError } from '../../src/errors.ts';
import { acceptance } from '../../src/protocol/http/coding.ts';
import { vectorOf } from './fake-service.ts';
import { RawClient } from './raw-client.ts';
import { onBothServers } from './rig.ts';

const COMPRESS = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  GZip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
} as const;
const INFLATE = { gzip: gunzipSync, deflate: inflateSync, br: brotliDecompressSync } as const;

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

/** As it is on the wire: nothing is inflated, nothing is asked for that the test does not ask for. */
function send(
  port: number,
  options: { method?: string; path: string; headers?: Record<string, string> },
  pieces: readonly Uint8Array[] = [],
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const call = httpRequest({ port, host: '127.0.0.1', agent: false, ...options }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part)).once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, bytes: Buffer.concat(parts) }),
      );
    });
    call.once('error', reject);
    for (const piece of pieces) call.write(piece);
    call.end();
  });
}

const post = (
  port: number,
  headers: Record<string, string>,
  ...pieces: readonly Uint8Array[]
): Promise<Got> =>
  send(
    port,
    { method: 'POST', path: '/encode', headers: { 'content-type': 'application/json', ...headers } },
    pieces,
  );
const texts = (count: number): Buffer =>
  Buffer.from(JSON.stringify({ data: Array.from({ length: count }, (_, i) => ({ text: `text ${i}` })) }));
const codeOf = ({ bytes }: Got): string => JSON.parse(bytes.toString()).error.code;
const parts = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));

onBothServers((on) => {
  on('bodies are inflated, in one piece and in many', async ({ port }) => {
    const body = texts(200);
    const check = (got: Got, what: string): void => {
      assert.equal(got.status, 200, `${what}: ${got.bytes}`);
      const { data } = JSON.parse(got.bytes.toString());
      assert.deepEqual(data[199].embedding, [...vectorOf({ kind: 'text', text: 'text 199' })], what);
    };
    for (const [coding, compress] of Object.entries(COMPRESS)) {
      const bytes = compress(body);
      check(await post(port, { 'content-encoding': coding }, bytes), coding);
      check(await post(port, { 'content-encoding': coding }, ...parts(bytes, 7)), `${coding} in pieces`);
    }
    check(await post(port, { 'content-encoding': 'deflate' }, deflateRawSync(body)), 'deflate, no header');
    check(await post(port, { 'content-encoding': 'identity' }, body), 'identity');
    const members = Buffer.concat([gzipSync(body.subarray(0, 500)), gzipSync(body.subarray(500))]);
    check(await post(port, { 'content-encoding': 'gzip' }, members), 'two members');
  });

  on(
    'what a body becomes passes below and at the limit and gets 413 above it',
    async ({ port, metrics, service }) => {
      const sized = (bytes: number) => Buffer.from(JSON.stringify({ data: [], pad: 'x'.repeat(bytes - 20) }));
      for (const [coding, compress] of Object.entries(COMPRESS))
        for (const [bytes, status] of [
          [99_999, 200],
          [100_000, 200],
          [100_001, 413],
          [10_000_000, 413],
        ] as const) {
          assert.equal(sized(bytes).length, bytes);
          const got = await post(port, { 'content-encoding': coding }, compress(sized(bytes)));
          assert.equal(got.status, status, `${coding} ${bytes}`);
          if (status === 413) assert.equal(codeOf(got), 'request_too_large');
        }
      assert.match(await metrics.text(), /clip_limit_reached_total\{limit="request_bytes"\} 10$/m);
      assert.equal(service.open, 0);
    },
    { limits: { requestBytes: 100_000 } },
  );

  on('a request is charged with what its body becomes, or what came where that is more', async (rig) => {
    let charged = 0;
    const admit = rig.service.admit.bind(rig.service);
    rig.service.admit = () => ({
      ...admit(),
      addBytes: (count) => {
        charged += count;
        if (charged > 1_000_000) throw new ClipError('overloaded', 'expected less');
      },
    });
    const body = texts(1000);
    const headers = { 'content-encoding': 'gzip' };
    await post(rig.port, headers, ...parts(gzipSync(body), 100));
    assert.equal(charged, body.length);
    charged = 0;
    const stored = gzipSync(texts(1), { level: 0 });
    await post(rig.port, headers, stored);
    assert.equal(charged, stored.length);
    charged = 0;
    const refused = await post(rig.port, headers, gzipSync(Buffer.alloc(2_000_000)));
    assert.deepEqual([refused.status, codeOf(refused)], [429, 'overloaded']);
  });

  on('bodies that are damaged, cut off or followed by more get 400', async ({ port, service }) => {
    const body = texts(100);
    const flip = (bytes: Buffer): Buffer =>
      bytes.map((byte, i) => (i > 20 && i < 40 ? byte ^ 0x55 : byte)) as Buffer;
    for (const [coding, compress] of Object.entries(COMPRESS)) {
      const bytes = compress(body);
      for (const [what, wrong] of Object.entries({
        cut: bytes.subarray(0, -1),
        damaged: Buffer.from(flip(bytes)),
        more: Buffer.concat([bytes, Buffer.from('more')]),
        plain: body,
      }))
        for (const pieces of [[wrong], parts(wrong, 50)]) {
          const got = await post(port, { 'content-encoding': coding }, ...pieces);
          assert.deepEqual([got.status, codeOf(got)], [400, 'invalid_request'], `${coding} ${what}`);
        }
      const later = await post(port, { 'content-encoding': coding }, bytes, Buffer.from('more'));
      assert.equal(later.status, 400, `${coding} more, later`);
    }
    assert.equal((await post(port, { 'content-encoding': 'gzip' })).status, 422);
    assert.equal(service.open, 0);
  });

  on('other encodings get 415 and are told which are read', async ({ port, service }) => {
    for (const coding of ['compress', 'zstd', 'gzip, gzip', 'gzip, identity', 'gzip;q=1']) {
      const got = await post(port, { 'content-encoding': coding }, gzipSync(texts(1)));
      assert.deepEqual([got.status, codeOf(got)], [415, 'unsupported_encoding'], coding);
      assert.equal(got.headers['accept-encoding'], 'br, gzip, deflate');
    }
    assert.equal(service.admitted, 0);
  });

  on(
    'a client that leaves in the middle of a compressed body leaves nothing behind',
    async ({ port, service }) => {
      const client = new RawClient(port);
      const bytes = gzipSync(texts(1000));
      client.send(
        `POST /encode HTTP/1.1\r\nhost: x\r\ncontent-encoding: gzip\r\ncontent-length: ${bytes.length}\r\n\r\n`,
      );
      client.send(bytes.subarray(0, 1000));
      while (service.admitted === 0) await send(port, { path: '/livez' });
      client.destroy();
      while (service.open > 0) await send(port, { path: '/livez' });
      assert.equal((await post(port, { 'content-encoding': 'gzip' }, bytes)).status, 200);
    },
  );

  on('answers are compressed for those who ask, and say so', async ({ port }) => {
    const plain = await post(port, {}, texts(50));
    assert.deepEqual([plain.headers['content-encoding'], plain.headers.vary], [undefined, 'accept-encoding']);
    const embeddings = (bytes: Buffer) =>
      JSON.parse(bytes.toString()).data.map((d: { embedding: [] }) => d.embedding);
    for (const [asked, coding] of [
      ['gzip', 'gzip'],
      ['deflate', 'deflate'],
      ['br', 'br'],
      ['gzip, deflate, br', 'br'],
      ['gzip, deflate', undefined],
      ['identity', undefined],
      ['zstd', undefined],
    ] as const) {
      const got = await post(port, { 'accept-encoding': asked }, texts(50));
      assert.deepEqual(
        [got.status, got.headers['content-encoding'], got.headers.vary],
        [200, coding, 'accept-encoding'],
        asked,
      );
      assert.equal(Number(got.headers['content-length']), got.bytes.length);
      const bytes = coding ? INFLATE[coding](got.bytes) : got.bytes;
      assert.deepEqual(embeddings(bytes), embeddings(plain.bytes));
      if (coding) assert.ok(got.bytes.length < plain.bytes.length / 2);
    }
  });

  on('short answers are not compressed, unless nothing else is read', async ({ port }) => {
    const short = await send(port, { path: '/livez', headers: { 'accept-encoding': 'gzip' } });
    assert.deepEqual([short.headers['content-encoding'], short.headers.vary], [undefined, undefined]);
    assert.equal(short.bytes.toString(), '{"live":true}');
    const only = await send(port, { path: '/livez', headers: { 'accept-encoding': 'gzip, identity;q=0' } });
    assert.equal(only.headers['content-encoding'], 'gzip');
    assert.equal(gunzipSync(only.bytes).toString(), '{"live":true}');
    const none = await send(port, { path: '/livez', headers: { 'accept-encoding': '*;q=0' } });
    assert.deepEqual([none.status, none.bytes.toString()], [200, '{"live":true}']);
  });

  on('HEAD says what GET would, and has no body', async ({ port }) => {
    const headers = { 'accept-encoding': 'br' };
    const got = await send(port, { path: '/openapi.json', headers });
    const head = await send(port, { path: '/openapi.json', headers, method: 'HEAD' });
    assert.equal(head.headers['content-encoding'], 'br');
    assert.deepEqual([head.headers['content-length'], head.bytes.length], [String(got.bytes.length), 0]);
    const metrics = await send(port, { path: '/metrics', headers: { 'accept-encoding': 'gzip' } });
    assert.match(gunzipSync(metrics.bytes).toString(), /^clip_requests_total/m);
  });

  on(
    'http_compression: on compresses for Python clients too',
    async ({ port }) => {
      const got = await post(port, { 'accept-encoding': 'gzip, deflate' }, texts(50));
      assert.equal(got.headers['content-encoding'], 'gzip');
    },
    { gateway: { httpCompression: 'on' } },
  );

  on(
    'http_compression: off compresses for nobody',
    async ({ port }) => {
      const got = await post(port, { 'accept-encoding': 'br' }, texts(50));
      assert.deepEqual([got.headers['content-encoding'], got.headers.vary], [undefined, undefined]);
    },
    { gateway: { httpCompression: 'off' } },
  );
});

test('the coding that a client likes best', () => {
  const cases: [string, string | undefined, boolean][] = [
    ['gzip', 'gzip', true],
    ['*', 'br', true],
    ['gzip;q=0.5, *;q=0.2', 'gzip', true],
    ['br;q=0, *', 'gzip', true],
    ['gzip;q=0', undefined, true],
    ['gzip; Q=0.8 , br;q=0.9', 'br', true],
    ['gzip;q=1.0, br;q=0.999', 'gzip', true],
    ['identity, gzip;q=0.5', undefined, true],
    ['identity;q=0.5, gzip;q=0.5', 'gzip', true],
    ['identity;q=0.3, gzip;q=0.5', 'gzip', true],
    ['identity;q=0, deflate', 'deflate', false],
    ['*;q=0', undefined, false],
    ['*;q=0, gzip', 'gzip', false],
    ['*;q=0, identity', undefined, true],
    ['x-gzip', 'gzip', true],
    ['gzip;q=2, gzip;q=x, ;, ,,;q=1', undefined, true],
    ['', undefined, true],
  ];
  for (const [header, coding, identity] of cases)
    assert.deepEqual(acceptance(header), { coding, identity }, header);
});
