import assert from 'node:assert/strict';
import { request } from 'node:http';
import { RawClient } from '../raw-client.ts';
import { dataRequest, requestIdOf } from './data-request.ts';
import { upgrade } from './frames.ts';
import { on, turns } from './rig.ts';

const END = Buffer.from([0]);

/** The answer to a request to upgrade that is refused. */
async function refused(port: number, text: string): Promise<string> {
  const client = new RawClient(port);
  client.send(text);
  await client.closed;
  return client.received;
}

on('probes are answered on the same port; there is no /post', async ({ port, reasons }) => {
  const status = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    await response.arrayBuffer();
    return response.status;
  };
  for (const path of ['/', '/status', '/dry_run', '/openapi.json', '/docs', '/livez', '/readyz', '/metrics'])
    assert.equal(await status(path), 200, path);
  for (const path of ['/post', '/encode', '/search']) {
    assert.equal(await status(path, { method: 'POST', body: '{}' }), 404, path);
    assert.equal(await status(path), 404, path);
  }
  const page = await (await fetch(`http://127.0.0.1:${port}/docs`)).text();
  assert.ok(!page.includes('/encode'));
  reasons.push('the model is still being loaded');
  assert.equal(await status('/readyz'), 503);
});

on('/dry_run tells whether a request would be served, whatever the message, and closes', async (rig) => {
  for (const reasons of [[], ['no engine of the text tower is serving']]) {
    rig.reasons.splice(0, rig.reasons.length, ...reasons);
    const bytes = await rig.connect('bytes', { path: '/dry_run' });
    bytes.send(Buffer.alloc(0));
    const [status] = await bytes.take(1);
    assert.equal(status!.length === 0, reasons.length === 0);
    assert.equal((await bytes.closed).code, 1000);
    const json = await rig.connect(undefined, { path: '/dry_run?x=1' });
    json.send('{}');
    const [told] = await json.takeJson(1);
    if (reasons.length === 0) assert.deepEqual(told, {});
    else assert.deepEqual([told.code, told.exception.args], ['ERROR', [...reasons, 'not_ready']]);
    assert.equal((await json.closed).code, 1000);
  }
});

on(
  'an upgrade is refused by an HTTP answer: elsewhere with 404, unready with 503',
  async ({ port, reasons, metrics }) => {
    assert.match(await refused(port, upgrade('/post')), /^HTTP\/1\.1 404 .*"Not Found"/s);
    reasons.push('the model is still being loaded');
    const unready = await refused(port, upgrade('/'));
    assert.match(unready, /^HTTP\/1\.1 503 .*retry-after: 1.*still being loaded/s);
    reasons.length = 0;
    assert.match(
      await refused(port, upgrade('/', undefined, `x: ${'y'.repeat(17_000)}\r\n`)),
      /^HTTP\/1\.1 431 /,
    );
    assert.match(await metrics.text(), /clip_limit_reached_total\{limit="header_bytes"\} 1/);
    assert.match(
      await refused(port, upgrade('/').replace('sec-websocket-version: 13', 'sec-websocket-version: 7')),
      /^HTTP\/1\.1 400 /,
    );
    assert.match(
      await refused(port, upgrade('/').replace(/sec-websocket-key: .*\r\n/, '')),
      /^HTTP\/1\.1 400 /,
    );
  },
);

on('a request to upgrade to anything else is served as it is', async ({ port }) => {
  const answer = await refused(
    port,
    'GET /livez HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n\r\n',
  );
  assert.match(answer, /^HTTP\/1\.1 200 .*connection: close.*"live":true/is);
});

on('connections are counted until they end', async (rig) => {
  const clients = await Promise.all([rig.connect('bytes'), rig.connect('json'), rig.connect('bytes')]);
  const open = 'clip_connections{protocol="websocket"}';
  const streams = 'clip_streams{protocol="websocket"}';
  assert.deepEqual([await rig.count(open), await rig.count(streams)], [3, 3]);
  for (const { socket } of clients.slice(0, 2)) socket.close();
  clients[2]!.socket.terminate();
  await Promise.all(clients.map(({ closed }) => closed));
  while ((await rig.count(open)) > 0 || (await rig.count(streams)) > 0) await turns(1);
});

on(
  'a connection beyond the limit is not taken, those before it live on',
  async (rig) => {
    const clients = [await rig.connect('bytes'), await rig.connect('bytes')];
    await assert.rejects(rig.connect('bytes'));
    assert.equal(await rig.count('clip_limit_reached_total{limit="connections"}'), 1);
    clients[0]!.send(END);
    await clients[0]!.closed;
    while ((await rig.count('clip_connections{protocol="websocket"}')) > 1) await turns(1);
    const next = await rig.connect('bytes');
    for (const client of [clients[1]!, next]) {
      client.send(dataRequest('x', ['x']));
      assert.equal((await client.take(1)).map(requestIdOf).join(), 'x');
    }
  },
  { limits: { connections: 2 } },
);

on('the message of a browser that asks for no sub-protocol gets none back', async ({ port }) => {
  const headers = await new Promise<NodeJS.Dict<string | string[]>>((resolve) => {
    request({
      port,
      path: '/',
      headers: {
        connection: 'Upgrade',
        upgrade: 'WebSocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits',
      },
    })
      .once('upgrade', (response, socket) => {
        socket.destroy();
        resolve(response.headers);
      })
      .end();
  });
  assert.equal(headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  assert.equal(headers['sec-websocket-protocol'], undefined);
  // Compression is for the flow to ask for.
  assert.equal(headers['sec-websocket-extensions'], undefined);
});
