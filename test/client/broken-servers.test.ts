import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { Client } from '../../src/client/node.ts';

type Answer = (response: ServerResponse, ids: string[], request: IncomingMessage) => void;

/** A server that answers the first request as `answer` does, and each later one as the next. The last goes on. */
async function withServer(answers: Answer[], run: (client: Client, requests: () => number) => Promise<void>) {
  let requests = 0;
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await text(request));
    const ids = body.data.map(({ id }: { id: string }) => id);
    const answer = answers[Math.min(requests, answers.length - 1)]!;
    requests += 1;
    answer(response, ids, request);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = new Client(`http://127.0.0.1:${port}`, { retry: { attempts: 3, minMs: 1, maxMs: 1500 } });
  try {
    await run(client, () => requests);
  } finally {
    await client.close();
    server.closeAllConnections();
    server.close();
  }
}

const json = (status: number, body: unknown, headers = {}): Answer => {
  return (response) => response.writeHead(status, headers).end(JSON.stringify(body));
};
const documents = (make: (ids: string[]) => unknown[]): Answer => {
  return (response, ids) => response.end(JSON.stringify({ header: {}, data: make(ids) }));
};
/** The vector tells which document it is of. */
const right = documents((ids) => ids.map((id) => ({ id, embedding: [Number(id), 1] })));
const page: Answer = (response) =>
  response.writeHead(502, { 'content-type': 'text/html' }).end('<html>Bad Gateway');
const cutOff: Answer = (response) => {
  response.writeHead(200, { 'content-length': '1000' });
  response.write('{"data":[', () => response.destroy());
};

const WRONG: [string, Answer, RegExp][] = [
  [
    'one too few',
    documents(([id]) => [{ id, embedding: [1, 1] }]),
    /expected 3 documents in the answer, got 1/,
  ],
  [
    'an unknown id',
    documents((ids) => [...ids.slice(1), 'x'].map((id) => ({ id, embedding: [1, 1] }))),
    /unknown x/,
  ],
  ['one twice', documents((ids) => ids.map(() => ({ id: ids[0], embedding: [1, 1] }))), /another twice/],
  ['a missing vector', documents((ids) => ids.map((id) => ({ id }))), /expected a vector for the document 0/],
  [
    'null in a vector',
    documents((ids) => ids.map((id) => ({ id, embedding: [1, null] }))),
    /list of numbers/,
  ],
  [
    'widths that differ',
    documents((ids) => ids.map((id, i) => ({ id, embedding: Array(i + 1).fill(1) }))),
    /components/,
  ],
  ['HTML', (response) => response.end('<html>'), /expected JSON/],
  ['a redirection', (response) => response.writeHead(302, { location: '/' }).end(), /HTTP 302/],
];
for (const [name, answer, message] of WRONG)
  test(`${name} is an error, and not tried again`, () =>
    withServer([answer], async (client, requests) => {
      await assert.rejects(client.encode(['a', 'b', 'c']), { code: 'bad_answer', message });
      assert.equal(requests(), 1);
    }));

test('documents find their places by their ids, not by their order', () =>
  withServer(
    [documents((ids) => ids.map((id) => ({ id, embedding: [Number(id), 1] })).reverse())],
    async (client) => {
      const vectors = await client.encode(['a', 'b', 'c']);
      assert.deepEqual(
        vectors.map(([first]) => first),
        [0, 1, 2],
      );
    },
  ));

for (const [name, answer] of [
  ['a page of a proxy', page],
  ['an answer that is cut off', cutOff],
] as const)
  test(`${name} is tried again, as often as allowed`, async () => {
    await withServer([answer, answer, right], async (client, requests) => {
      assert.equal((await client.encode(['a'])).length, 1);
      assert.equal(requests(), 3);
    });
    await withServer([answer], async (client, requests) => {
      await assert.rejects(client.encode(['a']), {
        code: answer === page ? 'bad_gateway' : 'connection_lost',
      });
      assert.equal(requests(), 3);
    });
  });

test('Retry-After is kept to, and a longer one than maxMs ends it', async () => {
  const full = (seconds: string) =>
    json(429, { error: { code: 'overloaded', message: 'full' } }, { 'retry-after': seconds });
  await withServer([full('1'), right], async (client) => {
    const began = performance.now();
    await client.encode(['a']);
    assert.ok(performance.now() - began >= 990);
  });
  await withServer([full('60'), right], async (client, requests) => {
    await assert.rejects(client.encode(['a']), { code: 'overloaded', status: 429, retryAfterMs: 60_000 });
    assert.equal(requests(), 1);
  });
});

test('items whose fault may pass are sent again without the others', () =>
  withServer(
    [
      documents((ids) =>
        ids.map((id) =>
          id === '1'
            ? { id, error: { code: 'fetch_failed', message: 'no' } }
            : { id, embedding: [Number(id), 1] },
        ),
      ),
      (response, ids, request) => {
        assert.deepEqual(ids, ['1']);
        right(response, ids, request);
      },
    ],
    async (client) => {
      const vectors = await client.encode(['a', 'b', 'c']);
      assert.deepEqual(
        vectors.map(([first]) => first),
        [0, 1, 2],
      );
    },
  ));

test('a WebSocket that breaks is opened again; junk and text end it', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  let connections = 0;
  const behaviour = ['terminate', 'text', 'junk'];
  server.on('connection', (socket) => {
    const how = behaviour[Math.min(connections, 2)];
    connections += 1;
    socket.on('message', () => {
      if (how === 'terminate') socket.terminate();
      else if (how === 'text') socket.send('hello');
      else socket.send(Uint8Array.of(0xff, 0xff));
    });
  });
  const { port } = server.address() as { port: number };
  const client = new Client(`ws://127.0.0.1:${port}`, { retry: { attempts: 2, minMs: 1 } });
  await assert.rejects(client.encode(['a']), { code: 'bad_answer', message: /got text/ });
  assert.equal(connections, 2, 'the first was lost, the second answered text');
  await assert.rejects(client.encode(['a']), { code: 'bad_answer', message: /answer that can be read/ });
  await client.close();
  for (const socket of server.clients) socket.terminate();
  server.close();
});
