import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Client, type ClipClientError } from '../../src/client/node.ts';
import { openRig as openThree, SCHEMES } from '../client/rig.ts';
import {
  CALL,
  duplex,
  request as grpcRequest,
  openRig as openGrpc,
  outcome,
  SINGLE,
  unary,
} from './grpc/rig.ts';
import { onBothServers } from './rig.ts';
import { on as onWebSocket } from './websocket/rig.ts';

const KEY = 'sk-test-0123456789+/~';
const OTHER = 'sk-other-0123456789';
const gateway = { apiKeys: [OTHER, KEY].map((key) => createHash('sha256').update(key).digest('hex')) };
const WRONG = [
  '',
  'Bearer',
  'Bearer ',
  `Bearer ${KEY}x`,
  `Bearer ${KEY.slice(1)}`,
  'Basic c2s6',
  KEY.toUpperCase(),
];
const RIGHT = [`Bearer ${KEY}`, `bearer   ${OTHER}`, KEY];
const REFLECTION = '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo';
const encoded = (key: string) => Buffer.from(key).toString('base64url');
const OPEN = ['/', '/livez', '/readyz', '/dry_run'];
const CLOSED = [
  'GET /status',
  'GET /metrics',
  'GET /openapi.json',
  'GET /docs',
  'GET /redoc',
  'GET /nowhere',
  'GET /encode',
  'POST /encode',
  'POST /encode/x',
  'POST /rank',
  'POST /post',
  'POST /index',
  'POST /search',
  'DELETE /delete',
  'PUT /update',
  'POST /livez',
  'OPTIONS /encode',
  'POST /v1/embeddings',
  'GET /v1/models',
  'GET /v1/models/x',
  'POST /v2/embed',
];

onBothServers((on) => {
  on(
    'every HTTP route but those of life and readiness asks for a key before it does anything',
    async ({ request, service }) => {
      for (const path of OPEN) assert.equal((await request(path)).status, 200, path);
      for (const line of CLOSED)
        for (const authorization of [undefined, ...WRONG]) {
          const [method, path] = line.split(' ') as [string, string];
          const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
          const response = await request(path, { method, headers });
          const text = await response.text();
          assert.equal(response.status, 401, `${line} with ${authorization}: ${text}`);
          assert.equal(response.headers.get('www-authenticate'), 'Bearer realm="clip-server"');
          assert.ok(!text.includes(KEY), text);
        }
      assert.equal(service.admitted, 0);
    },
    { gateway },
  );

  on(
    'with a key, bare or after Bearer, every route is served as without keys',
    async ({ request, post }) => {
      for (const authorization of RIGHT) {
        const { status, body } = await post('/encode', { data: [{ text: 'a' }] }, { authorization });
        assert.deepEqual([status, body.data[0].embedding.length], [200, 4]);
        assert.equal((await request('/metrics', { headers: { authorization } })).status, 200);
        assert.equal((await request('/nowhere', { headers: { authorization } })).status, 404);
      }
      const refused = await post('/post', { data: [{ text: 'a' }] });
      assert.equal(refused.body.error.code, 'unauthorized');
      assert.equal(refused.body.header.status.exception.name, 'PermissionError');
    },
    { gateway },
  );

  on(
    "a browser's question before the request needs no key",
    async ({ request }) => {
      const headers = { origin: 'https://a.example', 'access-control-request-method': 'POST' };
      assert.equal((await request('/encode', { method: 'OPTIONS', headers })).status, 200);
      const refused = await request('/status', { headers: { origin: 'https://a.example' } });
      assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [401, '*']);
    },
    { gateway: { ...gateway, cors: true } },
  );
});

test('every gRPC method but those of health asks for a key', { timeout: 120_000 }, async () => {
  await using rig = await openGrpc({ gateway });
  const client = rig.client();
  const message = grpcRequest('r', ['a']);
  const end = async (path: string, entries: Record<string, string>) => {
    const stream = duplex(client, path, entries);
    stream.end(message);
    const { status } = await outcome(stream);
    return [status.code, ...status.metadata.get('clip-error')];
  };
  for (const path of ['/jina.JinaGatewayDryRunRPC/dry_run', '/grpc.health.v1.Health/Check'])
    await unary(client, path);
  const closed = ['JinaInfoRPC/_status', 'JinaDiscoverEndpointsRPC/endpoint_discovery'];
  for (const path of [SINGLE, CALL, ...closed.map((name) => `/jina.${name}`), REFLECTION])
    for (const entries of [{}, ...WRONG.map((authorization) => ({ authorization }))])
      assert.deepEqual(await end(path, entries), [16, 'unauthorized'], `${path} ${JSON.stringify(entries)}`);
  assert.equal(rig.service.admitted, 0);
  for (const authorization of RIGHT) assert.deepEqual(await end(SINGLE, { authorization }), [0]);
});

onWebSocket(
  'a WebSocket without a key is refused by HTTP 401; a key comes as header or as sub-protocol',
  async (rig) => {
    const refused = { message: 'Unexpected server response: 401' };
    await assert.rejects(rig.connect('json'), refused);
    for (const authorization of WRONG)
      await assert.rejects(rig.connect('json', { headers: { authorization } }), refused);
    for (const name of ['bearer.', `bearer.${OTHER}`, `bearer.${encoded('wrong-key')}`])
      await assert.rejects(rig.connect(['bytes', name]), refused);
    // A page's own header cannot be mended by its sub-protocol, so the header counts where there is one.
    await assert.rejects(
      rig.connect(['json', `bearer.${encoded(KEY)}`], { headers: { authorization: 'Bearer wrong' } }),
      refused,
    );
    for (const client of [
      await rig.connect(['json', `bearer.${encoded(KEY)}`]),
      await rig.connect([`bearer.${encoded(OTHER)}`, 'json']),
      ...(await Promise.all(
        RIGHT.map((authorization) => rig.connect('json', { headers: { authorization } })),
      )),
    ]) {
      assert.equal(client.socket.protocol, 'json');
      client.send({ data: [{ text: 'a' }], execEndpoint: '/encode' });
      const [answer] = await client.takeJson(1);
      assert.equal(answer.data[0].embedding.length, 4);
      client.socket.close();
    }
    const dry = await rig.connect(undefined, { path: '/dry_run' });
    dry.send('{}');
    assert.deepEqual(await dry.takeJson(1), [{}]);
  },
  { gateway },
);

test('the client sends a key over every protocol, and reports a wrong one without a retry', async () => {
  await using rig = await openThree([KEY]);
  for (const scheme of SCHEMES) {
    const client = new Client(rig.url(scheme), { apiKey: KEY });
    assert.equal((await client.encode(['a']))[0]!.length, 4, scheme);
    await client.close();
    const stranger = new Client(rig.url(scheme), { apiKey: OTHER });
    assert.deepEqual(await stranger.ready(), { ready: true, reasons: [] }, scheme);
    await assert.rejects(stranger.encode(['a']), (error: ClipClientError) => {
      assert.deepEqual([error.code, error.retryable], ['unauthorized', false], `${scheme}: ${error.message}`);
      return true;
    });
    await stranger.close();
  }
  assert.throws(() => new Client(rig.url('http'), { apiKey: 'a', token: 'b' }), { code: 'invalid_input' });
  assert.throws(() => new Client(rig.url('http'), { apiKey: 'a b' }), { code: 'invalid_input' });
});
