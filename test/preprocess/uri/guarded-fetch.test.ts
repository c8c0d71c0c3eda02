import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { type RequestOptions, request } from 'node:http';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { ConfigError } from '../../../src/config/config.ts';
import { failsWith, makeLoader, never, type Served, serve } from './loopback.ts';

const PUBLIC = '93.184.215.14';
const NAMES: Record<string, readonly string[]> = {
  'public.test': [PUBLIC],
  'loop.test': ['127.0.0.1'],
  '127-0-0-1.nip.io': ['127.0.0.1'],
  '169.254.169.254.nip.io': ['169.254.169.254'],
  'mixed.test': [PUBLIC, '10.0.0.1'],
  'mixed6.test': [PUBLIC, 'fd00::1'],
  'mapped.test': ['::ffff:169.254.169.254'],
  'empty.test': [],
};
const addressesOf = (list: readonly string[]): LookupAddress[] =>
  list.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

/** A network that counts what reaches it and opens nothing. */
function watchedNetwork() {
  const seen = { resolved: [] as string[], sockets: [] as RequestOptions[] };
  const network = {
    resolve: async (host: string) => {
      seen.resolved.push(host);
      return addressesOf(NAMES[host] ?? [PUBLIC]);
    },
    request: (_url: URL, options: RequestOptions) => {
      seen.sockets.push(options);
      throw new Error('a socket was opened');
    },
  };
  return { seen, network };
}

const REFUSED = [
  'http://127.1/x.png',
  'http://127.0.0.1/',
  'http://127.0.0.1./',
  'http://0x7f000001/',
  'http://0x7f.1/',
  'http://2130706433/',
  'http://017700000001/',
  'http://0/',
  'http://\uff11\uff12\uff17.0.0.1/',
  'http://127\u30020\u30020\u30021/',
  'http://[::1]/',
  'http://[::]/',
  'http://[::ffff:169.254.169.254]/',
  'http://[::ffff:7f00:1]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[2002:7f00:1::]/',
  'http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/',
  'http://[fd00::1]/',
  'http://[fd00:ec2::254]/',
  'http://[fe80::1]/',
  'http://[ff02::1]/',
  'http://100.64.0.1/',
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://192.168.1.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
  'https://localhost/',
  'http://localhost./',
  'http://LOCALHOST/',
  'http://a.localhost/',
  'http://printer.local/',
  'http://metadata/',
  'http://metadata.google.internal/computeMetadata/v1/',
  'http://metadata.google.internal./',
  'http://metadata\u3002google\uff0einternal/',
  'http://metadata.amazonaws.com/',
  'http://instance-data/',
  'http://loop.test/',
  'http://127-0-0-1.nip.io/',
  'http://169.254.169.254.nip.io/',
  'http://mixed.test/',
  'http://mixed6.test/',
  'http://mapped.test/',
  'http://user@public.test/',
  'http://user:hunter2@public.test/',
  'http://public.test@127.0.0.1/',
  'http://127.0.0.1#@public.test/',
  'http://127.0.0.1\\@public.test/',
  'http://public.test:22/',
  'http://public.test:25/',
  'https://public.test:993/',
  'http://93.184.215.14:1023/',
  'file:///etc/passwd',
  '/etc/passwd',
];

for (const uri of REFUSED) {
  test(`${uri} is refused before any socket`, async () => {
    const { seen, network } = watchedNetwork();
    const { loader } = makeLoader({ network, fetch: { allow: [] } });
    const sentence = await failsWith('forbidden_uri', loader.load(uri, never));
    assert.equal(seen.sockets.length, 0);
    for (const [address] of sentence.matchAll(/\d+\.\d+\.\d+\.\d+/g))
      assert.ok(uri.includes(address), sentence);
    assert.ok(!sentence.includes('hunter2'), sentence);
  });
}

test('other schemes and malformed URLs are no URIs to load', async () => {
  const { seen, network } = watchedNetwork();
  const { loader } = makeLoader({ network });
  for (const uri of [
    'ftp://public.test/x',
    'gopher://public.test/',
    'blob:x',
    'javascript:1',
    'C:\\x.png',
    'http://',
    'http://[::1',
    'http://a b/',
    'http://public.test:99999/',
  ])
    await failsWith('invalid_uri', loader.load(uri, never));
  assert.deepEqual(seen, { resolved: [], sockets: [] });
});

test('fetching turned off refuses every URL', async () => {
  const { seen, network } = watchedNetwork();
  const { loader } = makeLoader({ network, fetch: { enabled: false } });
  await failsWith('forbidden_uri', loader.load('http://public.test/', never));
  assert.deepEqual(seen, { resolved: [], sockets: [] });
});

test('public hosts at ports 80, 443 and from 1024 reach the network', async () => {
  for (const uri of [
    'http://public.test/',
    'https://public.test/',
    'http://public.test:443/',
    'http://public.test:1024/',
    `http://${PUBLIC}:8080/`,
    'http://[2606:4700::1]/',
  ]) {
    const { seen, network } = watchedNetwork();
    const { loader } = makeLoader({ network, fetch: { allow: [] } });
    await failsWith('fetch_failed', loader.load(uri, never));
    assert.equal(seen.sockets.length, 1, uri);
  }
});

test('the connection goes to the address that was vetted, whatever the name means later', async () => {
  const { seen, network } = watchedNetwork();
  const answers = [[PUBLIC], ['127.0.0.1']];
  const { loader } = makeLoader({
    fetch: { allow: [] },
    network: { ...network, resolve: async () => addressesOf(answers.shift()!) },
  });
  await failsWith('fetch_failed', loader.load('http://rebind.test/', never));
  const [options] = seen.sockets;
  assert.deepEqual(await promisify(options!.lookup!)('rebind.test', { all: true }), addressesOf([PUBLIC]));
  assert.equal(answers.length, 1);
  await failsWith('forbidden_uri', loader.load('http://rebind.test/', never));
  assert.equal(seen.sockets.length, 1);
});

test('allow takes hosts, addresses and ranges, at any port', async () => {
  const cases: [allow: string, uri: string, ok: boolean][] = [
    ['localhost', 'http://LOCALHOST.:22/', true],
    ['Loop.test.', 'http://loop.test/', true],
    ['loop.test', 'http://sub.loop.test:22/', false],
    ['127.0.0.1', 'http://127.1:22/', true],
    ['127.0.0.1', 'http://[::ffff:127.0.0.1]/', true],
    ['::ffff:127.0.0.1', 'http://127.0.0.1/', true],
    ['127.0.0.1', 'http://loop.test/', true],
    ['127.0.0.1', 'http://127.0.0.2/', false],
    ['127.0.0.0/8', 'http://127.0.0.2/', true],
    ['10.0.0.0/8', 'http://mixed.test/', true],
    ['10.0.0.0/8', 'http://mixed.test:22/', false],
    ['10.0.0.0/8', 'http://11.0.0.1:22/', false],
    ['10.0.0.0/32', 'http://10.0.0.1/', false],
    ['fd00::/8', 'http://[fd12::1]:81/', true],
    ['[fd00::1]', 'http://[fd00::1]/', true],
    ['fd00::1', 'http://[fd00::2]/', false],
    ['0.0.0.0/0', 'http://192.168.0.1/', true],
  ];
  for (const [allow, uri, ok] of cases) {
    const { seen, network } = watchedNetwork();
    const { loader } = makeLoader({ network, fetch: { allow: [allow] } });
    await failsWith(ok ? 'fetch_failed' : 'forbidden_uri', loader.load(uri, never));
    assert.equal(seen.sockets.length, ok ? 1 : 0, `${allow} ${uri}`);
  }
});

test('an entry of allow that is no host, address or range stops the start', () => {
  for (const entry of [
    '',
    '10.0.0.0/33',
    'fd00::/129',
    '10.0.0.0/8/8',
    'a b',
    'http://x',
    'x:80',
    '*.example.com',
    'host/8',
    'u@h',
  ])
    assert.throws(() => makeLoader({ fetch: { allow: [entry] } }), ConfigError, entry);
});

let inner: Served;
let reached = 0;
before(async () => {
  inner = await serve((_, response) => {
    reached++;
    response.end('secret');
  });
});
after(() => inner.close());

for (const target of ['address', 'name', 'scheme', 'credentials'] as const) {
  test(`a redirect to a refused ${target} is not followed`, async () => {
    const places = {
      address: `http://127.0.0.2:${inner.port}/`,
      name: `http://localhost:${inner.port}/`,
      scheme: 'file:///etc/passwd',
      credentials: `http://user:hunter2@127.0.0.1:${inner.port}/`,
    };
    const outer = await serve((_, response) => response.writeHead(302, { location: places[target] }).end());
    const before = reached;
    let opened = 0;
    const { loader } = makeLoader({
      network: {
        request: (url, options) => {
          opened++;
          return request(url, options);
        },
      },
    });
    const sentence = await failsWith(
      target === 'scheme' ? 'invalid_uri' : 'forbidden_uri',
      loader.load(`${outer.origin}/start`, never),
    );
    assert.equal(opened, 1);
    assert.equal(reached, before);
    assert.ok(!sentence.includes('127.0.0.2') && !sentence.includes('hunter2'), sentence);
    await outer.close();
  });
}
