import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { obtainTower } from '../../src/model/obtain.ts';
import { emptyFolder } from './folder.ts';
import {
  CONTENT,
  dropAfter,
  filesOf,
  type Handler,
  honest,
  MODEL,
  quickHooks,
  type RogueServer,
  rogueServer,
  status,
} from './rogue-server.ts';

interface Outcome {
  readonly error?: Error & { code?: string };
  /** What lies in the model's folder afterwards, notes and locks included. */
  readonly left: readonly string[];
  readonly servers: readonly RogueServer[];
}

/** Fetches CONTENT from servers that answer by the given handlers; a verified file has to be CONTENT. */
async function fetchFrom(
  t: TestContext,
  sources: Handler[][],
  part?: Uint8Array,
  hooks = quickHooks(),
): Promise<Outcome> {
  const cache = await emptyFolder(t);
  const servers = await Promise.all(sources.map((handlers) => rogueServer(t, ...handlers)));
  const target = join(cache, 'ViT-T-1-test', 'visual.onnx');
  await mkdir(dirname(target));
  if (part) await writeFile(`${target}.part`, part);
  const files = filesOf(cache, ...servers.map(({ url }) => url));
  const result = await obtainTower(MODEL, 'image', files, hooks).catch((error: Error) => error);
  const left = (await readdir(dirname(target))).sort();
  if (typeof result !== 'string') return { error: result, left, servers };
  assert.equal(result, target);
  assert.deepEqual(await readFile(target), CONTENT);
  return { left, servers };
}

const DONE = ['.visual.onnx.verified.json', 'visual.onnx'];

test('an honest server: one request, one file, nothing beside it but the note', async (t) => {
  const { error, left, servers } = await fetchFrom(t, [[honest]]);
  assert.equal(error, undefined);
  assert.deepEqual(left, DONE);
  assert.deepEqual(servers[0]!.requests, ['GET /ViT-T-1%40px/visual.onnx']);
  assert.equal(servers[0]!.headers[0]!['user-agent'], 'clip-server');
});

test('a broken connection is continued where it broke', async (t) => {
  const { left, servers } = await fetchFrom(t, [[dropAfter(30_000), dropAfter(20_000), honest]]);
  assert.deepEqual(left, DONE);
  const path = 'GET /ViT-T-1%40px/visual.onnx';
  assert.deepEqual(servers[0]!.requests, [path, `${path} bytes=30000-`, `${path} bytes=50000-`]);
});

test('an earlier run’s part is continued', async (t) => {
  const { left, servers } = await fetchFrom(t, [[honest]], CONTENT.subarray(0, 99_999));
  assert.deepEqual(left, DONE);
  assert.deepEqual(servers[0]!.requests, ['GET /ViT-T-1%40px/visual.onnx bytes=99999-']);
});

test('a complete part needs no server', async (t) => {
  const { left, servers } = await fetchFrom(t, [[status(500)]], CONTENT);
  assert.deepEqual(left, DONE);
  assert.deepEqual(servers[0]!.requests, []);
});

test('a part of other bytes is dropped: wrong inside, too long', async (t) => {
  const wrong = await fetchFrom(t, [[honest]], new Uint8Array(50_000));
  assert.deepEqual(wrong.left, DONE);
  assert.equal(wrong.servers[0]!.requests.length, 2);
  const long = await fetchFrom(t, [[honest]], new Uint8Array(CONTENT.length + 1));
  assert.deepEqual(long.left, DONE);
});

test('a server without Range starts over', async (t) => {
  const plain: Handler = (_request, response) => void response.end(CONTENT);
  const { left } = await fetchFrom(t, [[plain]], CONTENT.subarray(0, 40_000));
  assert.deepEqual(left, DONE);
});

test('a continuation of another place is not read at all', async (t) => {
  const shifted: Handler = (_request, response) => {
    response.writeHead(206, { 'content-range': `bytes 40001-99999/${CONTENT.length}` });
    response.write(CONTENT.subarray(40_001, 50_000));
  };
  const { left, servers } = await fetchFrom(t, [[shifted, honest]], CONTENT.subarray(0, 40_000));
  assert.deepEqual(left, DONE);
  assert.equal(servers[0]!.requests[1], 'GET /ViT-T-1%40px/visual.onnx');
});

test('a throttled server is waited for', async (t) => {
  const slow: Handler = (_request, response) => {
    response.writeHead(200, { 'content-length': CONTENT.length });
    let sent = 0;
    const send = () => {
      if (sent >= CONTENT.length) return void response.end();
      response.write(CONTENT.subarray(sent, sent + 25_000), () => setTimeout(send, 20));
      sent += 25_000;
    };
    send();
  };
  const { left, servers } = await fetchFrom(t, [[slow]]);
  assert.deepEqual(left, DONE);
  assert.equal(servers[0]!.requests.length, 1);
});

test('passing faults are tried again at the same source', async (t) => {
  const handlers = [status(500), status(429, { 'retry-after': '0' }), honest];
  const { left, servers } = await fetchFrom(t, [handlers]);
  assert.deepEqual(left, DONE);
  assert.equal(servers[0]!.requests.length, 3);
});

test('a stalled server is left after its bound', async (t) => {
  const stall: Handler = (_request, response) => {
    response.writeHead(200, { 'content-length': CONTENT.length });
    response.write(CONTENT.subarray(0, 1000));
  };
  const hooks = quickHooks({ limits: { ...quickHooks().limits, stallMs: 200 } });
  const { left, servers } = await fetchFrom(t, [[stall, honest]], undefined, hooks);
  assert.deepEqual(left, DONE);
  assert.equal(servers[0]!.requests[1], 'GET /ViT-T-1%40px/visual.onnx bytes=1000-');
});

const wrongBytes: Handler = (_request, response) => void response.end(Buffer.alloc(CONTENT.length));
const FINAL: [string, Handler[], RegExp, number][] = [
  ['403', [status(403)], /answered 403/, 1],
  ['404', [status(404)], /answered 404/, 1],
  ['416 for ever', [status(416)], /does not continue where asked/, 3],
  ['500 for ever', [status(500)], /answered 500/, 3],
  ['429 with a long pause', [status(429, { 'retry-after': '3600' })], /answered 429/, 1],
  ['a redirect to itself', [status(302, { location: '/again' })], /redirects more than 5 times/, 6],
  [
    'a redirect to a file',
    [status(302, { location: 'file:///etc/passwd' })],
    /redirects from http: to file:/,
    1,
  ],
  ['a redirect to nowhere', [status(302, { location: 'http://' })], /redirects to "http:\/\/"/, 1],
  ['other bytes', [wrongBytes], /gave other bytes: expected MD5 [0-9a-f]{32}, got [0-9a-f]{32}/, 1],
  [
    'a length stated too short',
    [(_q, r) => void r.writeHead(200, { 'content-length': 10 }).end(CONTENT.subarray(0, 10))],
    /gave other bytes/,
    1,
  ],
  [
    'a length stated too long',
    [(_q, r) => void r.writeHead(200, { 'content-length': 100_001 }).write(CONTENT, () => r.destroy())],
    /broke off|does not continue|gave other/,
    2,
  ],
  [
    'a length beyond the file',
    [(_q, r) => void r.writeHead(200, { 'content-length': 10 ** 12 }).write('x')],
    /offers 1000000000000 bytes/,
    1,
  ],
  [
    'bytes without end',
    [
      (_q, r) => {
        const more = () => void r.write(CONTENT, more);
        more();
      },
    ],
    /offers \d+ bytes, more than the 150000/,
    1,
  ],
  ['a compressed answer', [status(200, { 'content-encoding': 'gzip' })], /encoding gzip/, 1],
  ['nothing but closed connections', [(_q, r) => void r.destroy()], /did not answer/, 3],
  ['no bytes at all', [(_q, r) => void r.end()], /gave other bytes/, 1],
];
for (const [what, handlers, expected, requests] of FINAL) {
  test(`${what}: a clear error, no broken file, and the next source is asked`, async (t) => {
    const alone = await fetchFrom(t, [handlers]);
    assert.equal(alone.error?.code, 'model_unavailable');
    assert.match(alone.error!.message, expected);
    assert.match(
      alone.error!.message,
      /ViT-T-1::test visual\.onnx could not be fetched[\s\S]*Put the file \(MD5/,
    );
    assert.ok(!alone.left.includes('visual.onnx'), String(alone.left));
    assert.ok(!alone.left.some((name) => name.endsWith('.lock')), String(alone.left));
    assert.ok(alone.servers[0]!.requests.length >= requests, String(alone.servers[0]!.requests));

    const second = await fetchFrom(t, [handlers, [honest]]);
    assert.deepEqual(second.left, DONE);
  });
}

test('an abort keeps the part for the next run', async (t) => {
  const stop = new AbortController();
  const cache = await emptyFolder(t);
  const hold: Handler = (_request, response) => {
    response.writeHead(200, { 'content-length': CONTENT.length });
    response.write(CONTENT.subarray(0, 5000));
  };
  const server = await rogueServer(t, hold);
  const hooks = { ...quickHooks({ signal: stop.signal }), progress: () => stop.abort() };
  await assert.rejects(obtainTower(MODEL, 'image', filesOf(cache, server.url), hooks), {
    name: 'AbortError',
  });
  const { size } = await stat(join(cache, 'ViT-T-1-test', 'visual.onnx.part'));
  assert.equal(size, 5000);
});
