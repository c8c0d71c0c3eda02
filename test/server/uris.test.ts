import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { testModel } from '../models/test-model.ts';
import { serveModel, type TestServer } from './start.ts';

let server: TestServer;
let connections = 0;
const inside = createServer((_, response) => response.end('secret')).on('connection', () => {
  connections += 1;
});
before(async () => {
  inside.listen(0, '127.0.0.1');
  await once(inside, 'listening');
  server = await serveModel(await testModel('tiny'));
});
after(async () => {
  inside.close();
  await server.close();
});

test('no URI leads a request to where the configuration does not allow', async () => {
  const { port } = inside.address() as { port: number };
  const hosts = [
    '127.0.0.1',
    '127.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    'localhost',
    'localhost.',
    '0.0.0.0',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '127。0。0。1',
    '①②⑦.0.0.1',
  ];
  const uris = [
    ...hosts.map((host) => `http://${host}:${port}/a.png`),
    `http://example.com@127.0.0.1:${port}/a.png`,
    'http://[::ffff:169.254.169.254]/latest/meta-data',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://169.254.169.254/latest/meta-data',
    'http://metadata.google.internal/computeMetadata/v1/',
    'http://100.64.0.1/',
    'http://10.0.0.1/',
    'http://172.16.0.1/',
    'http://192.168.0.1/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://[2002:7f00:1::]/',
    'http://224.0.0.1/',
    'http://8.8.8.8:22/',
    'file:///etc/passwd',
    '/etc/passwd',
    '../../etc/passwd',
    'ftp://127.0.0.1/a.png',
    'gopher://127.0.0.1/a',
    'data:nonsense',
    'data:image/png;base64,####',
    `data:image/png;base64,${'A'.repeat(30e6)}`,
  ];
  for (const uri of uris) {
    const { status, body } = await server.post('/encode', { data: [{ uri }] });
    const name = uri.slice(0, 60);
    assert.ok(status >= 400 && status < 500, `${name}: ${status}`);
    assert.equal(typeof body.header.status.description, 'string', name);
  }
  assert.equal(connections, 0);
  const { status } = await server.post('/encode', { data: [{ text: 'still here' }] });
  assert.equal(status, 200);
});

test('one URI that cannot be loaded leaves its neighbours their vectors', async () => {
  const { status, body } = await server.post('/encode', {
    data: [{ text: 'a' }, { uri: 'file:///etc/passwd' }, { text: 'b' }],
  });
  assert.equal(status, 200);
  assert.equal(body.header.status.code, 1);
  assert.ok(body.data[0].embedding && body.data[2].embedding);
  assert.equal(body.data[1].embedding, null);
  assert.equal(body.data[1].error.code, 'forbidden_uri');
});
