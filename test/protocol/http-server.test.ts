import assert from 'node:assert/strict';
import { Agent, request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { ClipError } from '../../src/errors.ts';
import { silentLog } from '../../src/observe/log.ts';
import { chooseServer } from '../../src/protocol/http/choose.ts';
import { NodeHttpServer } from '../../src/protocol/http/node.ts';
import type { HttpHandler, HttpLimits, HttpServer } from '../../src/protocol/http/server.ts';
import { UwsHttpServer } from '../../src/protocol/http/uws.ts';
import { get, post, RawClient } from './raw-client.ts';
import { SERVERS, skipUws, uws } from './servers.ts';

const LIMITS: HttpLimits = {
  connections: 100,
  headerBytes: 2000,
  headerMs: 20_000,
  bodyMs: 10_000,
  sendMs: 30_000,
  keepAliveMs: 10_000,
};
/** Sooner than any of these, so that none of them ends what should have ended by itself. */
const TIMEOUT = { timeout: 9_000 };

interface Rig {
  readonly port: number;
  readonly server: HttpServer;
  readonly limited: string[];
  readonly connections: () => number;
}

type Make = (handler: HttpHandler, limits?: Partial<HttpLimits>, port?: number) => Promise<Rig>;

const reply = (status: number, text: string) => ({
  status,
  headers: { 'content-type': 'text/plain' },
  body: Buffer.from(text),
});

/** Answers with method, path and the body's length; a body over 1000 bytes is refused. */
const echo: HttpHandler = async (request, response) => {
  try {
    if (request.fault) throw request.fault;
    const body = await request.body({ limit: 1000, count: () => {}, signal: request.signal });
    await response.send(reply(200, `${request.method} ${request.path} ${body.length}`));
  } catch (error) {
    await response.send(reply(ClipError.from(error).kind.http, ClipError.from(error).code));
  }
};

for (const { implementation, skip } of SERVERS) {
  describe(`HTTP on ${implementation}`, { skip }, () => {
    const make =
      (cleanups: HttpServer[]): Make =>
      async (handler, limits = {}, fixedPort = 0) => {
        const limited: string[] = [];
        let connections = 0;
        const options = {
          handler,
          limits: { ...LIMITS, ...limits },
          log: silentLog,
          onConnections: (change: number) => {
            connections += change;
          },
          onLimit: (limit: string) => void limited.push(limit),
        };
        const server =
          implementation === 'node' ? new NodeHttpServer(options) : new UwsHttpServer(uws!, options);
        cleanups.push(server);
        return {
          port: await server.listen('127.0.0.1', fixedPort),
          server,
          limited,
          connections: () => connections,
        };
      };
    const on = (name: string, run: (start: Make) => Promise<void>): void => {
      test(name, TIMEOUT, async () => {
        const cleanups: HttpServer[] = [];
        try {
          await run(make(cleanups));
        } finally {
          await Promise.all(cleanups.map((server) => server.close(0)));
        }
      });
    };

    on('takes bodies by length, in chunks, empty and after 100-continue', async (start) => {
      const { port } = await start(echo);
      const client = new RawClient(port);
      const say = async (text: string, expected: string) => {
        client.received = '';
        client.send(text);
        await client.until((received) => received.includes(expected));
        assert.ok(client.received.includes(expected), client.received);
      };
      await say(get('/a/b?c=d'), 'GET /a/b 0');
      await say(post('/x', 'hello'), 'POST /x 5');
      await say(
        'POST /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
        'POST /c 5',
      );
      await say('PUT /e HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n', 'PUT /e 0');
      client.received = '';
      client.send('POST /k HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n');
      await client.until((received) => received.includes('100 Continue'));
      client.send('hello');
      await client.until((received) => received.includes('POST /k 5'));
      client.destroy();
    });

    on('HEAD has the length but no body', async (start) => {
      const { port } = await start(echo);
      const client = new RawClient(port);
      client.send('HEAD /h HTTP/1.1\r\nhost: x\r\n\r\n');
      const received = await client.until((text) => text.includes('\r\n\r\n'));
      assert.match(received, /content-length: 9/i);
      client.send(get('/after'));
      assert.ok((await client.until((text) => text.includes('GET /after 0'))).includes('GET /after 0'));
      assert.ok(!client.received.includes('HEAD /h'));
      client.destroy();
    });

    on('bodies pass below and at the limit; above it they get 413 and the connection ends', async (start) => {
      const { port } = await start(echo);
      for (const [length, status] of [
        [999, 200],
        [1000, 200],
        [1001, 413],
        [100_000, 413],
      ] as const) {
        const client = new RawClient(port);
        client.send(post('/', 'x'.repeat(length)));
        assert.deepEqual(await client.statuses(), [status], `${length}`);
        if (status === 413) await client.closed;
        client.destroy();
        const chunked = new RawClient(port);
        chunked.send(
          `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n${length.toString(16)}\r\n${'x'.repeat(length)}\r\n0\r\n\r\n`,
        );
        assert.deepEqual(await chunked.statuses(), [status], `${length} in chunks`);
        if (status === 413) await chunked.closed;
        chunked.destroy();
      }
    });

    on('a declared length over the limit is refused before any of it came', async (start) => {
      const { port } = await start(echo);
      const client = new RawClient(port);
      client.send('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n\r\n');
      assert.deepEqual(await client.statuses(), [413]);
      await client.closed;
    });

    on('tiny chunks cost what they hold', async (start) => {
      const { port } = await start(async (request, response) => {
        const body = await request.body({ limit: 1e6, count: () => {}, signal: request.signal });
        await response.send(reply(200, `got ${body.length}`));
      });
      const client = new RawClient(port);
      client.send('POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
      const before = process.memoryUsage();
      for (let i = 0; i < 20; i += 1) client.send('1\r\nx\r\n'.repeat(1000));
      client.send('0\r\n\r\n');
      await client.until((text) => text.includes('got 20000'));
      const after = process.memoryUsage();
      assert.ok(after.arrayBuffers - before.arrayBuffers < 8 * 2 ** 20);
      client.destroy();
    });

    on('counting may refuse a body', async (start) => {
      const { port } = await start(async (request, response) => {
        const count = (): void => {
          throw new ClipError('overloaded', 'full');
        };
        const body = request.body({ limit: 1e6, count, signal: request.signal });
        const failure = await body.then(
          () => 'none',
          (error: ClipError) => error.code,
        );
        await response.send(reply(429, failure));
      });
      const client = new RawClient(port);
      client.send(post('/', 'x'.repeat(10)));
      assert.match(await client.until((text) => text.includes('overloaded')), /429/);
      client.destroy();
    });

    on('a body that comes too slowly gets 408 and the connection ends', async (start) => {
      const { port, limited } = await start(echo, { bodyMs: 100 });
      const client = new RawClient(port);
      client.send('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\nabc');
      assert.deepEqual(await client.statuses(), [408]);
      await client.closed;
      assert.deepEqual(limited, ['bodyMs']);
    });

    on('headers pass at the limits and get 431 above; long paths get 414', async (start) => {
      const { port, limited } = await start(echo, { headerBytes: 3000 });
      const ask = async (text: string) => {
        const client = new RawClient(port);
        client.send(text);
        const [status] = await client.statuses();
        client.destroy();
        return status;
      };
      // host and x, and a and its value.
      assert.equal(await ask(get('/', `a: ${'b'.repeat(3000 - 6)}\r\n`)), 200);
      assert.equal(await ask(get('/', `a: ${'b'.repeat(3000 - 5)}\r\n`)), 431);
      assert.deepEqual(limited, ['headerBytes']);
      assert.equal(await ask(get(`/${'p'.repeat(8191)}`)), 200);
      assert.equal(await ask(get(`/${'p'.repeat(8192)}`)), 414);
      assert.equal(await ask(get('/', `a: ${'b'.repeat(300_000)}\r\n`)), 431);
    });

    on('no request hides in another', async (start) => {
      const { port } = await start(echo);
      const hidden = get('/hidden');
      const attacks = {
        'length and chunks': `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
        'chunks and length': `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n${hidden}`,
        'two lengths': `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ncontent-length: ${hidden.length}\r\n\r\n${hidden}`,
        'unknown coding': `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
        'two codings': `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n${hidden}`,
        'bad chunk size': `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n${hidden}`,
        'signed length': `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +0\r\n\r\n${hidden}`,
        'negative length': `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n${hidden}`,
        'not HTTP': `\x16\x03\x01\x00\xa5\x01\x00\x00${hidden}`,
        'HTTP/2': `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`,
      };
      for (const [name, text] of Object.entries(attacks)) {
        const client = new RawClient(port);
        client.send(text);
        await client.closed;
        assert.ok(!client.received.includes('/hidden'), `${name}: ${client.received}`);
        assert.match(client.received, /^(HTTP\/1\.1 (400|505) |$)/, name);
      }
      // Alone, a request with two lengths gets its answer.
      const alone = new RawClient(port);
      alone.send('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ncontent-length: 1\r\n\r\n');
      assert.deepEqual(await alone.statuses(), [400]);
      await alone.closed;
      // A folded header leaves uWebSockets.js waiting for its own timeout; it must only not be served.
      const folded = new RawClient(port);
      folded.send(get('/folded', 'a: b\r\n c: d\r\n'));
      const other = new RawClient(port);
      other.send(get('/other'));
      await other.until((text) => text.includes('GET /other 0'));
      assert.ok(!folded.received.includes('/folded'));
      folded.destroy();
      other.destroy();
    });

    on('pipelined requests are answered in order or not at all', async (start) => {
      const { port } = await start(async (request, response) => {
        if (request.path === '/slow') await new Promise((resolve) => setTimeout(resolve, 20));
        await response.send(reply(200, `answer to ${request.path};`));
      });
      const client = new RawClient(port);
      client.send(get('/a') + get('/b') + get('/c'));
      await client.until((text) => text.includes('/c;'));
      assert.deepEqual(client.received.match(/\/\w+;/g), ['/a;', '/b;', '/c;']);
      client.send(get('/slow') + get('/fast'));
      await client.until((text) => text.includes('/fast;'));
      const answers = client.received.match(/\/\w+;/g)!.slice(3);
      assert.ok(['', '/slow;', '/slow;/fast;'].includes(answers.join('')), answers.join(''));
      client.destroy();
    });

    on(
      'a handler that throws, rejects, forgets or answers twice leaves the server serving',
      async (start) => {
        const faults: Record<string, HttpHandler> = {
          '/throw': () => {
            throw new Error('at once');
          },
          '/reject': async () => {
            await null;
            throw new Error('later');
          },
          '/body': async (request) => {
            await request.body({ limit: 10, count: () => {}, signal: request.signal });
            throw new Error('after the body');
          },
          '/forget': async () => {},
          '/twice': async (_, response) => {
            await response.send(reply(200, 'once'));
            await response.send(reply(200, 'twice'));
          },
          '/after': async (_, response) => {
            await response.send(reply(200, 'sent'));
            throw new Error('after the answer');
          },
          '/header': async (_, response) => {
            await response.send({ status: 200, headers: { 'bad\nname': 'x' }, body: Buffer.from('x') });
          },
          '/symbol': async () => {
            throw Symbol('not an error');
          },
        };
        const { port } = await start((request, response) =>
          (faults[request.path] ?? echo)(request, response),
        );
        for (const path of Object.keys(faults)) {
          const client = new RawClient(port);
          client.send(post(path, 'abc'));
          const statuses = await client.statuses();
          if (path !== '/header')
            assert.deepEqual(statuses, [['/twice', '/after'].includes(path) ? 200 : 500], path);
          client.destroy();
        }
        const client = new RawClient(port);
        client.send(get('/alive'));
        assert.ok((await client.until((text) => text.includes('GET /alive 0'))).includes('GET /alive 0'));
        client.destroy();
      },
    );

    on('the signal tells when the client leaves, at any stage', async (start) => {
      const seen: Record<string, Promise<string>> = {};
      const arrived: Record<string, () => void> = {};
      const { port } = await start(async (request, response) => {
        const left = new Promise<string>((resolve) => {
          request.signal.addEventListener('abort', () => resolve(request.signal.reason.code));
        });
        seen[request.path] = left;
        const body = request.body({ limit: 1000, count: () => {}, signal: request.signal });
        arrived[request.path]?.();
        const outcome = await body.then(
          () => 'read',
          (error: ClipError) => error.code,
        );
        if (request.path === '/during-body') assert.equal(outcome, 'cancelled');
        await left;
        assert.equal(await response.send(reply(200, 'too late')), false);
      });
      for (const path of ['/during-body', '/during-work']) {
        const here = new Promise<void>((resolve) => {
          arrived[path] = resolve;
        });
        const client = new RawClient(port);
        client.send(
          path === '/during-body'
            ? 'POST /during-body HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc'
            : post(path, 'abc'),
        );
        await here;
        client.destroy();
        assert.equal(await seen[path], 'cancelled');
      }
    });

    on('a large answer arrives whole; a reader that takes nothing is let go', async (start) => {
      const body = Buffer.alloc(12 * 2 ** 20, 'abcdefgh');
      const outcomes: Promise<boolean>[] = [];
      const handler: HttpHandler = async (_, response) => {
        const sent = response.send({ status: 200, headers: {}, body });
        outcomes.push(sent);
        await sent;
      };
      const { port } = await start(handler);
      const whole = await new Promise<Buffer>((resolve, reject) => {
        httpRequest({ port, host: '127.0.0.1', agent: new Agent() }, (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part) => parts.push(part)).on('end', () => resolve(Buffer.concat(parts)));
        })
          .on('error', reject)
          .end();
      });
      assert.ok(whole.equals(body));
      assert.equal(await outcomes[0], true);
      const impatient = await start(handler, { sendMs: 300 });
      const client = new RawClient(impatient.port);
      client.socket.pause();
      client.send(get('/'));
      while (outcomes.length < 2) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(await outcomes[1], false);
      assert.deepEqual(impatient.limited, ['sendMs']);
      client.destroy();
    });

    on('connections are counted, and refused above the limit', async (start) => {
      const { port, limited, connections } = await start(echo, { connections: 2 });
      const clients = [new RawClient(port), new RawClient(port)];
      for (const client of clients) client.send(get('/'));
      for (const client of clients) assert.deepEqual(await client.statuses(), [200]);
      assert.equal(connections(), 2);
      const third = new RawClient(port);
      third.send(get('/'));
      await third.closed;
      assert.equal(third.received, '');
      assert.deepEqual(limited, ['connections']);
      for (const client of clients) client.destroy();
      while (connections() > 0) await new Promise((resolve) => setImmediate(resolve));
      const next = new RawClient(port);
      next.send(get('/'));
      assert.deepEqual(await next.statuses(), [200]);
      next.destroy();
    });

    on('a port in use is refused with its cause', async (start) => {
      const { port } = await start(echo);
      await assert.rejects(start(echo, {}, port), /cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
    });

    on('closing lets what is in flight finish, and no more', async (start) => {
      let proceed = (): void => {};
      const arrived = new Promise<void>((resolve) => {
        proceed = resolve;
      });
      let finish = (): void => {};
      const working = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const { port, server } = await start(async (_, response) => {
        proceed();
        await working;
        await response.send(reply(200, 'done'));
      });
      const idle = new RawClient(port);
      const client = new RawClient(port);
      client.send(get('/'));
      await arrived;
      const closed = server.close(10_000);
      const refused = new RawClient(port);
      await refused.closed;
      finish();
      await client.until((text) => text.includes('done'));
      assert.match(client.received, /connection: close/i);
      await Promise.all([closed, client.closed, idle.closed]);
    });

    on('closing ends what does not finish in time', async (start) => {
      let proceed = (): void => {};
      const arrived = new Promise<void>((resolve) => {
        proceed = resolve;
      });
      const { port, server } = await start(async (request) => {
        proceed();
        await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
      });
      const client = new RawClient(port);
      client.send(get('/'));
      await arrived;
      await server.close(50);
      await client.closed;
    });
  });
}

test('node: headers that never end get 408', TIMEOUT, async () => {
  const limited: string[] = [];
  const limits = { ...LIMITS, headerMs: 200 };
  const options = { handler: echo, limits, log: silentLog, onConnections: () => {} };
  const server = new NodeHttpServer({ ...options, onLimit: (limit) => void limited.push(limit) });
  const port = await server.listen('127.0.0.1', 0);
  const client = new RawClient(port);
  client.send('GET / HTTP/1.1\r\nhost: x\r\na');
  const silent = new RawClient(port);
  assert.deepEqual(await client.statuses(), [408]);
  await Promise.all([client.closed, silent.closed]);
  assert.ok(limited.includes('headerMs'));
  await server.close(0);
});

test(
  'node: a hundred headers pass, one more gets 431, and an idle connection ends in time',
  TIMEOUT,
  async () => {
    const limits = { ...LIMITS, keepAliveMs: 50 };
    const options = { handler: echo, limits, log: silentLog, onConnections: () => {}, onLimit: () => {} };
    const server = new NodeHttpServer(options);
    const port = await server.listen('127.0.0.1', 0);
    for (const [count, status] of [
      [100, 200],
      [101, 431],
      [500, 431],
    ] as const) {
      const client = new RawClient(port);
      client.send(get('/', Array.from({ length: count - 1 }, (_, i) => `a${i}: b\r\n`).join('')));
      assert.deepEqual(await client.statuses(), [status], `${count}`);
      await client.closed;
    }
    await server.close(0);
  },
);

test('the choice: auto falls back with a reason, uws by name is an error, a taken port has its cause', {
  skip: skipUws,
}, async () => {
  const lines: string[] = [];
  const log = Object.assign(Object.create(silentLog), { info: (line: string) => void lines.push(line) });
  const options = { handler: echo, log, onConnections: () => {}, onLimit: () => {} };
  const impossible = { ...options, limits: { ...LIMITS, keepAliveMs: 60_000 } };
  assert.equal((await chooseServer('auto', impossible)).implementation, 'node');
  assert.match(lines.join(), /node:http, not by uWebSockets\.js: it ends idle connections/);
  await assert.rejects(chooseServer('uws', impossible), /uws is asked for, but .*idle connections/);
  const possible = { ...options, limits: LIMITS };
  assert.equal((await chooseServer('node', possible)).implementation, 'node');
  const chosen = await chooseServer('auto', possible);
  assert.equal(chosen.implementation, 'uws');
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as { port: number };
  await assert.rejects(chosen.listen('127.0.0.1', port), /EADDRINUSE/);
  await Promise.all([chosen.close(0), new Promise((resolve) => holder.close(resolve))]);
});
