import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { failsWith, limitCount, makeLoader, never, type Served, serve, turns } from './loopback.ts';

const LIMIT = 1000;
const BODY = Buffer.alloc(300, 'pixels');
const limits = { imageBytes: LIMIT };
let served: Served;
let answer: (request: IncomingMessage, response: ServerResponse) => void = () => {};
let requests: IncomingMessage[] = [];
before(async () => {
  served = await serve((incoming, response) => {
    requests.push(incoming);
    answer(incoming, response);
  });
});
beforeEach(() => {
  requests = [];
});
after(() => served.close());
const url = (path = '/a.png') => served.origin + path;

test('a picture comes back byte by byte, asked for without cookies or proxies', async () => {
  process.env.http_proxy = 'http://127.0.0.1:1';
  answer = (_, response) => response.writeHead(200, { 'set-cookie': 'a=b' }).end(BODY);
  const { loader, metrics } = makeLoader();
  for (const path of ['/a.png?x=1#part', '/a.png?x=1'])
    assert.deepEqual(await loader.load(url(path), never), BODY);
  delete process.env.http_proxy;
  assert.deepEqual(
    requests.map((incoming) => incoming.url),
    ['/a.png?x=1', '/a.png?x=1'],
  );
  const { headers } = requests[1]!;
  assert.equal(headers.cookie, undefined);
  assert.equal(headers.authorization, undefined);
  assert.equal(headers.host, `127.0.0.1:${served.port}`);
  assert.match(await metrics.text(), /clip_fetch_seconds_count\{outcome="ok"\} 2/);
});

test('a name is sent in the Host header and reached at its address', async () => {
  answer = (_, response) => response.end(BODY);
  const { loader } = makeLoader({
    network: { resolve: async () => [{ address: '127.0.0.1', family: 4 }] },
  });
  assert.deepEqual(await loader.load(`http://pictures.test:${served.port}/`, never), BODY);
  assert.equal(requests[0]!.headers.host, `pictures.test:${served.port}`);
});

test('statuses other than 2xx, empty bodies and pages are no images', async () => {
  const { loader } = makeLoader();
  for (const status of [204, 304, 400, 401, 404, 429, 500, 503]) {
    answer = (_, response) => response.writeHead(status).end(status < 400 ? undefined : BODY);
    const sentence = await failsWith('fetch_failed', loader.load(url(), never));
    if (status !== 204) assert.match(sentence, new RegExp(`got ${status}`));
  }
  for (const type of ['text/html; charset=utf-8', 'application/json', 'text/plain']) {
    answer = (_, response) => response.writeHead(200, { 'content-type': type }).end('\n <html>');
    assert.match(await failsWith('fetch_failed', loader.load(url(), never)), new RegExp(type.slice(0, 9)));
  }
  answer = (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(BODY);
  assert.deepEqual(await loader.load(url(), never), BODY);
});

test('compressed bodies are inflated; unknown and broken encodings are errors', async () => {
  const { loader } = makeLoader();
  for (const [encoding, bytes] of [
    ['gzip', gzipSync(BODY)],
    ['deflate', deflateSync(BODY)],
    ['br', brotliCompressSync(BODY)],
    ['identity', BODY],
  ] as const) {
    answer = (_, response) => response.writeHead(200, { 'content-encoding': encoding }).end(bytes);
    assert.deepEqual(await loader.load(url(), never), BODY);
  }
  for (const [encoding, bytes] of [
    ['zstd', BODY],
    ['gzip, gzip', BODY],
    ['gzip', BODY],
    ['gzip', gzipSync(BODY).subarray(0, 20)],
  ] as const) {
    answer = (_, response) => response.writeHead(200, { 'content-encoding': encoding }).end(bytes);
    await failsWith('fetch_failed', loader.load(url(), never));
  }
});

test('the size limit holds at the byte, with and without a length, and after inflation', async () => {
  const { loader, metrics } = makeLoader({ limits });
  const ways: ((response: ServerResponse, bytes: Buffer) => void)[] = [
    (response, bytes) => response.writeHead(200, { 'content-length': bytes.length }).end(bytes),
    (response, bytes) => {
      response.write(bytes.subarray(0, 10));
      response.end(bytes.subarray(10));
    },
    (response, bytes) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(bytes)),
  ];
  for (const way of ways) {
    for (const size of [LIMIT - 1, LIMIT, LIMIT + 1, 1000 * LIMIT]) {
      answer = (_, response) => way(response, Buffer.alloc(size));
      if (size <= LIMIT) assert.equal((await loader.load(url(), never)).length, size);
      else await failsWith('image_too_large', loader.load(url(), never));
    }
  }
  assert.equal(await limitCount(metrics, 'image_bytes'), 6);
});

test('a body without end is cut off at the limit', async () => {
  let ended = false;
  answer = (_, response) => {
    const pour = () => {
      while (!response.destroyed && response.write(Buffer.alloc(500)));
    };
    response.on('drain', pour).on('close', () => {
      ended = true;
    });
    pour();
  };
  const { loader } = makeLoader({ limits });
  await failsWith('image_too_large', loader.load(url(), never));
  while (!ended) await new Promise((resolve) => setImmediate(resolve));
});

test('the connection of an answer that is not wanted is closed', async () => {
  const { loader } = makeLoader();
  for (const head of [{ status: 404 }, { status: 302, location: '/elsewhere' }]) {
    let closed: Promise<unknown> = Promise.reject(new Error('not asked'));
    closed.catch(() => {});
    answer = ({ url: path }, response) => {
      if (path === '/elsewhere') return response.end();
      closed = once(response, 'close');
      response.writeHead(head.status, head.location ? { location: head.location } : {}).write('x');
    };
    await failsWith('fetch_failed', loader.load(url(), never));
    await closed;
  }
});

test('a body shorter than its length is no picture', async () => {
  answer = (_, response) => {
    response.writeHead(200, { 'content-length': 500 });
    response.write(BODY, () => response.destroy());
  };
  await failsWith('fetch_failed', makeLoader().loader.load(url(), never));
});

test('a server that drips bytes is left when the time is up', async () => {
  let drip: NodeJS.Timeout | undefined;
  answer = (_, response) => {
    drip = setInterval(() => response.write('x'), 10);
    response.on('close', () => clearInterval(drip));
  };
  const { loader, metrics } = makeLoader({ fetch: { timeoutMs: 150 } });
  assert.match(await failsWith('fetch_failed', loader.load(url(), never)), /within 150 ms/);
  assert.equal(await limitCount(metrics, 'fetch_timeout_ms'), 1);
  assert.match(await metrics.text(), /clip_fetch_seconds_count\{outcome="fetch_failed"\} 1/);
});

test('a server that answers nothing is left when the time is up', async () => {
  answer = () => {};
  const { loader } = makeLoader({ fetch: { timeoutMs: 100 } });
  await failsWith('fetch_failed', loader.load(url(), never));
});

test('resolving and connecting have a bound of their own', async () => {
  let opened = 0;
  let answerLate: (addresses: LookupAddress[]) => void = () => {};
  const idle = Object.assign(new Socket(), { connecting: true });
  const agent = Object.assign(new Agent(), { createConnection: () => idle });
  const { loader, metrics } = makeLoader({
    fetch: { connectMs: 40 },
    network: {
      resolve: () =>
        new Promise<LookupAddress[]>((resolve) => {
          answerLate = resolve;
        }),
      request: (to, options) => {
        opened++;
        return request(to, { ...options, agent });
      },
    },
  });
  assert.match(await failsWith('fetch_failed', loader.load('http://slow.test/', never)), /within 40 ms/);
  answerLate([{ address: '127.0.0.1', family: 4 }]);
  await turns(5);
  assert.equal(opened, 0);
  assert.match(await failsWith('fetch_failed', loader.load(url(), never)), /within 40 ms/);
  assert.equal(await limitCount(metrics, 'fetch_connect_ms'), 2);
  assert.equal(opened, 1);
  assert.ok(idle.destroyed);
});

test('a refused connection and an unknown name are told apart, without an address', async () => {
  const gone = await serve(() => {});
  await gone.close();
  const { loader } = makeLoader({
    network: {
      resolve: async (host) => {
        if (host === 'gone.test') return [{ address: '127.0.0.1', family: 4 }];
        throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' });
      },
    },
  });
  const refused = await failsWith('fetch_failed', loader.load(`http://gone.test:${gone.port}/`, never));
  assert.match(refused, /ECONNREFUSED/);
  assert.ok(!refused.includes('127.0.0.1'));
  assert.match(
    await failsWith('fetch_failed', loader.load('http://unknown.test/', never)),
    /does not resolve/,
  );
});

test('redirects are followed up to the limit, relative and absolute', async () => {
  answer = ({ url: path }, response) => {
    const left = Number(path!.slice(1));
    const location = left % 2 ? `/${left - 1}` : url(`/${left - 1}`);
    if (left === 0) response.end(BODY);
    else response.writeHead([301, 302, 303, 307, 308][left % 5]!, { location }).end('moved');
  };
  const { loader, metrics } = makeLoader({ fetch: { redirects: 5 } });
  for (const hops of [0, 4, 5]) assert.deepEqual(await loader.load(url(`/${hops}`), never), BODY);
  for (const hops of [6, 11]) await failsWith('fetch_failed', loader.load(url(`/${hops}`), never));
  assert.equal(await limitCount(metrics, 'fetch_redirects'), 2);
  await failsWith('fetch_failed', makeLoader({ fetch: { redirects: 0 } }).loader.load(url('/1'), never));
});

test('loops and redirects to nowhere end', async () => {
  const { loader } = makeLoader();
  answer = (_, response) => response.writeHead(302, { location: '/a.png' }).end();
  await failsWith('fetch_failed', loader.load(url(), never));
  assert.equal(requests.length, 6);
  answer = (_, response) => response.writeHead(302).end();
  await failsWith('fetch_failed', loader.load(url(), never));
  answer = (_, response) => response.writeHead(302, { location: 'http://[' }).end();
  await failsWith('fetch_failed', loader.load(url(), never));
});
