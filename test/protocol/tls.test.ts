import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { pino } from 'pino';
import type { Config, TlsConfig } from '../../src/config/config.ts';
import { silentLog } from '../../src/observe/log.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { Certificates } from '../../src/protocol/certificates.ts';
import { startHttp } from '../../src/protocol/http/start.ts';
import type { StartedListener } from '../../src/protocol/site.ts';
import { FakeService, testConfig, vectorOf } from './fake-service.ts';
import { SERVERS, skipUws } from './servers.ts';

const file = (name: string): string => join(import.meta.dirname, 'certs', name);
const pem = (name: string): Buffer => readFileSync(file(name));
const PLAIN: TlsConfig = {
  certFile: file('server.crt'),
  keyFile: file('server.key'),
  clientCertificate: 'none',
};

const site = () => ({
  service: new FakeService(),
  health: { ready: () => ({ ready: true, reasons: [] }) },
  metrics: new Metrics(),
  log: silentLog,
  version: '1.2.3',
});

const start = async (
  httpServer: Config['gateway']['httpServer'],
  tls: TlsConfig,
  log = silentLog,
): Promise<StartedListener> => {
  const given = { ...site(), log };
  return await startHttp({
    ...given,
    config: testConfig({ httpServer, tls }),
    listener: { protocol: 'http', port: 0 },
    certificates: await Certificates.open(tls, given),
  });
};

const encode = (port: number, options: object = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port,
        path: '/encode',
        method: 'POST',
        ca: pem('ca.crt'),
        agent: false,
        headers: { 'content-type': 'application/json' },
        ...options,
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => {
          text += part;
        });
        response.once('end', () => resolve(text)).once('error', reject);
      },
    );
    call.once('error', reject);
    call.end('{"data":[{"text":"hello"}]}');
  });
const vector = `"embedding":[${vectorOf({ kind: 'text', text: 'hello' }).join(',')}]`;

for (const { implementation, skip } of SERVERS) {
  const settings = {
    'a plain key': PLAIN,
    'an encrypted key': { ...PLAIN, keyFile: file('server-encrypted.key'), passphrase: 'secret' },
    'an encrypted PKCS#8 key': {
      ...PLAIN,
      keyFile: file('server-encrypted-pkcs8.key'),
      passphrase: 'secret',
    },
    'an RSA key': { ...PLAIN, certFile: file('rsa.crt'), keyFile: file('rsa.key') },
    'an RSA key in PKCS#8': { ...PLAIN, certFile: file('rsa.crt'), keyFile: file('rsa-pkcs8.key') },
    'an encrypted RSA key': {
      ...PLAIN,
      certFile: file('rsa.crt'),
      keyFile: file('rsa-encrypted.key'),
      passphrase: 'secret',
    },
    'a chain': { ...PLAIN, certFile: file('chain.crt'), keyFile: file('chain.key') },
    'ciphers of its own': { ...PLAIN, ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
  };
  for (const [name, tls] of Object.entries(settings)) {
    test(`${implementation} serves with ${name}`, { timeout: 120_000, skip }, async () => {
      const http = await start(implementation, tls);
      assert.deepEqual([http.implementation, http.address.secure], [implementation, true]);
      assert.ok((await encode(http.address.port)).includes(vector));
      await http.close(0);
    });
  }

  test(`${implementation} refuses TLS below 1.2 and clients that speak none`, {
    timeout: 120_000,
    skip,
  }, async () => {
    const http = await start(implementation, PLAIN);
    const { port } = http.address;
    const old = connect({
      port,
      ca: pem('ca.crt'),
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    await new Promise((resolve, reject) => {
      old.once('error', resolve).once('secureConnect', () => reject(new Error('TLS 1.1 was accepted')));
    }).then((error) => assert.match((error as NodeJS.ErrnoException).code!, /ALERT_PROTOCOL_VERSION/));
    await assert.rejects(fetch(`http://127.0.0.1:${port}/livez`));
    assert.ok((await encode(port)).includes(vector));
    await http.close(0);
  });
}

test('client certificates: required ones are asked for on node; uws by name is an error', {
  timeout: 120_000,
}, async () => {
  const tls: TlsConfig = { ...PLAIN, caFile: file('ca.crt'), clientCertificate: 'required' };
  const http = await start('auto', tls);
  assert.equal(http.implementation, 'node');
  const { port } = http.address;
  assert.ok((await encode(port, { cert: pem('client.crt'), key: pem('client.key') })).includes(vector));
  await assert.rejects(encode(port));
  await http.close(0);
  const optional = await start('auto', { ...tls, clientCertificate: 'optional' });
  assert.ok((await encode(optional.address.port)).includes(vector));
  await optional.close(0);
  await assert.rejects(start('uws', tls), /uws is asked for, but .*certificates/);
});

test('auto serves TLS on node, which can replace its certificate', { timeout: 120_000 }, async () => {
  const http = await start('auto', PLAIN);
  assert.equal(http.implementation, 'node');
  await http.close(0);
});

test('uws says that it does not take replaced certificates', {
  timeout: 120_000,
  skip: skipUws,
}, async () => {
  const said: string[] = [];
  const log = pino({}, { write: (line: string) => void said.push(line) });
  const http = await start('uws', PLAIN, log);
  assert.match(said.join(''), /http_server: uws with TLS: it serves the certificate it started with/);
  await http.close(0);
});

test('certificates that cannot be used are named with their fault before anything listens', async () => {
  const refused = (change: Partial<TlsConfig>, fault: RegExp) =>
    assert.rejects(Certificates.open({ ...PLAIN, ...change }, site()), fault);
  await refused({ certFile: '/no/such.crt' }, /cannot read the certificate \/no\/such\.crt: ENOENT/);
  await refused({ keyFile: '/no/such.key' }, /cannot read the key/);
  await refused({ certFile: file('make.sh') }, /the certificate .*make\.sh cannot be used/);
  await refused({ keyFile: file('other.key') }, /server\.crt and .*other\.key cannot be used: .*mismatch/);
  await refused({ keyFile: file('server-encrypted.key'), passphrase: 'wrong' }, /the key .*passphrase/);
  await refused({ keyFile: file('server-encrypted.key') }, /the key .*passphrase/);
  await refused({ clientCertificate: 'required' }, /ssl_ca_certs/);
  await refused({ caFile: file('make.sh') }, /the client CA/);
  await refused({ certFile: file('server.key') }, /the certificate .*server\.key cannot be used/);
  await refused({ ciphers: 'NO-SUCH-CIPHER' }, /the cipher list NO-SUCH-CIPHER/);
});
