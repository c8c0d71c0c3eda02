import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { ClipError } from '../../../src/errors.ts';
import { onServer } from './rig.ts';

const request = (id: string) => JSON.stringify({ data: [{ id, text: id }] });

onServer(
  'no more than prefetch requests are worked on; reading stops, and nothing is lost',
  async (rig) => {
    const { connect, service } = rig;
    let running = 0;
    let most = 0;
    const gates: (() => void)[] = [];
    service.work = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => gates.push(resolve));
      running -= 1;
    };
    const client = await connect('json');
    for (let i = 0; i < 20; i += 1) client.socket.send(request(String(i)));
    client.socket.send('{}');
    for (let i = 0; i < 20; i += 1) {
      while (gates.length === 0) await new Promise((resolve) => setImmediate(resolve));
      gates.shift()!();
    }
    const replies = await client.json(20);
    assert.equal(new Set(replies.map(({ data }) => data[0].id)).size, 20);
    assert.equal(most, 3);
    assert.deepEqual(await client.closed, [1000, '']);
  },
  { gateway: { prefetch: 3 } },
);

onServer(
  'a client that reads slowly gets all of 10,000 replies, and the server holds no more than stream_bytes',
  async ({ connect, metrics }) => {
    const client = await connect('json');
    client.socket.pause();
    const before = process.memoryUsage().rss;
    const text = 'x'.repeat(2000);
    for (let i = 0; i < 10_000; i += 1)
      client.socket.send(JSON.stringify({ data: [{ id: String(i), text }] }));
    client.socket.send('{}');
    // The server stops when the sockets' buffers and its own share are full: nothing moves any more.
    let answered = -1;
    for (let same = 0; same < 200; ) {
      const { values } = await metrics.requests.get();
      const now = values.reduce((sum, { value }) => sum + value, 0);
      same = now === answered ? same + 1 : 0;
      answered = now;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(answered < 10_000, `${answered} answered although nobody reads`);
    assert.ok(process.memoryUsage().rss - before < 256 * 2 ** 20);
    client.socket.resume();
    const replies = await client.json(10_000);
    assert.equal(new Set(replies.map(({ data }) => data[0].id)).size, 10_000);
    assert.deepEqual(await client.closed, [1000, '']);
  },
  { limits: { streamBytes: 2 ** 20 } },
);

onServer('a client that leaves ends its work', async ({ connect, service }) => {
  let ended: (() => void) | undefined;
  const abort = new Promise<void>((resolve) => {
    ended = resolve;
  });
  service.work = ({ signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        ended!();
        reject(ClipError.aborted(signal));
      });
    });
  const client = await connect('json');
  client.socket.send(request('a'));
  while (service.seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
  client.socket.terminate();
  await abort;
  while (service.open > 0) await new Promise((resolve) => setImmediate(resolve));
});

onServer('shutdown: what is in flight is answered, then 1001; newcomers are refused', async (rig) => {
  let go = (): void => {};
  rig.service.work = () =>
    new Promise((resolve) => {
      go = resolve;
    });
  const client = await rig.connect('json');
  const idle = await rig.connect('json');
  client.socket.send(request('last'));
  while (rig.service.seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const closing = rig.server.close(10_000);
  assert.deepEqual(await idle.closed, [1001, '']);
  go();
  assert.equal((await client.json(1))[0].data[0].id, 'last');
  assert.deepEqual(await client.closed, [1001, '']);
  await closing;
});

onServer('a server that is not ready refuses the upgrade with 503, another path with 404', async (rig) => {
  rig.reasons.push('the model is still being loaded');
  const refused = async (path: string) => {
    const socket = new WebSocket(`ws://127.0.0.1:${rig.port}${path}`);
    socket.on('error', () => {});
    const [, response] = await once(socket, 'unexpected-response');
    return response.statusCode;
  };
  assert.equal(await refused('/'), 503);
  rig.reasons.pop();
  assert.equal(await refused('/post'), 404);
  const client = await rig.connect('json');
  client.socket.send(request('a'));
  assert.equal((await client.json(1)).length, 1);
});

onServer('the server that stops being ready ends a stream with 1011', async ({ connect, service }) => {
  const client = await connect('json');
  service.refusal = new ClipError('not_ready', 'no engine of the text tower is serving');
  client.socket.send(request('a'));
  assert.deepEqual(await client.closed, [1011, 'no engine of the text tower is serving']);
});

onServer('/dry_run answers one frame: empty for ready, a status otherwise', async ({ connect, reasons }) => {
  for (const [reason, length] of [
    [undefined, 0],
    ['why', 1],
  ] as const) {
    if (reason) reasons.push(reason);
    const client = await connect(undefined, '/dry_run');
    client.socket.send(Buffer.alloc(0));
    assert.deepEqual(await client.closed, [1000, '']);
    assert.equal(client.messages.length, 1);
    assert.equal(Math.min(1, client.messages[0]!.data.length), length);
    assert.equal(client.messages[0]!.isBinary, true);
  }
});

onServer('probes are served on the same port, documents are not', async ({ port, reasons }) => {
  const status = async (path: string, init?: RequestInit) =>
    (await fetch(`http://127.0.0.1:${port}${path}`, init)).status;
  for (const path of ['/', '/status', '/dry_run', '/openapi.json', '/docs', '/livez', '/readyz', '/metrics'])
    assert.equal(await status(path), 200, path);
  assert.equal(await status('/post', { method: 'POST', body: '{}' }), 404);
  reasons.push('no');
  assert.equal(await status('/readyz'), 503);
});

test('the native part of the WebSocket library is installed', () => {
  const { unmask } = createRequire(import.meta.url)('bufferutil');
  assert.equal(typeof unmask, 'function');
});
