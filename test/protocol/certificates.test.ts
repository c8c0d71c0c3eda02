import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import { pino } from 'pino';
import type { TlsConfig } from '../../src/config/config.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { Certificates } from '../../src/protocol/certificates.ts';

type Pair = 'server' | 'next' | 'chain';

const source = (name: string): string => join(import.meta.dirname, 'certs', name);
const bytes = (name: string): Buffer => readFileSync(source(name));
const endOf = (pair: Pair): number => Date.parse(new X509Certificate(bytes(`${pair}.crt`)).validTo);
const DAY = 24 * 3_600_000;

/** Files of their own that hold the pair `server`; never looked at unless a test asks. */
async function open() {
  const folder = mkdtempSync(join(tmpdir(), 'clip-tls-'));
  const config: TlsConfig = {
    certFile: join(folder, 'tls.crt'),
    keyFile: join(folder, 'tls.key'),
    clientCertificate: 'none',
  };
  const put = (cert: Buffer | string, key: Buffer | string): void => {
    writeFileSync(config.certFile, cert);
    writeFileSync(config.keyFile, key);
  };
  put(bytes('server.crt'), bytes('server.key'));
  const said: string[] = [];
  const log = pino({}, { write: (line: string) => void said.push(JSON.parse(line).msg) });
  const metrics = new Metrics();
  const certificates = await Certificates.open(config, { log, metrics }, 1_000_000);
  const taken: Buffer[] = [];
  certificates.onChange(({ cert }) => void taken.push(cert));
  const count = async (outcome: string): Promise<number> => {
    const { values } = await metrics.tlsReloads.get();
    return values.find(({ labels }) => labels.outcome === outcome)?.value ?? 0;
  };
  return { config, put, said, metrics, certificates, taken, count };
}

test('a pair that cannot be used is kept out, said once, counted once, and tried until it can', async () => {
  const faults: [string, Buffer | string, Buffer | string, RegExp][] = [
    ['another key', bytes('next.crt'), bytes('server.key'), /mismatch/],
    [
      'half a certificate',
      bytes('next.crt').subarray(0, 300),
      bytes('next.key'),
      /the certificate .*tls\.crt/,
    ],
    ['half a key', bytes('next.crt'), bytes('next.key').subarray(0, 100), /the key .*tls\.key/],
    ['nothing', '', '', /the certificate/],
  ];
  for (const [name, cert, key, fault] of faults) {
    const { put, said, certificates, taken, count } = await open();
    put(cert, key);
    for (let i = 0; i < 3; i += 1) await certificates.reload();
    assert.equal(said.length, 1, name);
    assert.match(said[0]!, fault, name);
    assert.deepEqual([await count('failed'), await count('ok'), taken.length], [1, 0, 0], name);
    assert.ok(certificates.current.cert.equals(bytes('server.crt')), name);
    put(bytes('next.crt'), bytes('next.key'));
    await certificates.reload();
    assert.deepEqual([await count('failed'), await count('ok')], [1, 1], name);
    assert.deepEqual(taken, [bytes('next.crt')], name);
    assert.ok(certificates.current.key.equals(bytes('next.key')), name);
    certificates.close();
  }
});

test('files that are gone are said once, and taken when they are back', async () => {
  const { config, put, said, certificates, count } = await open();
  rmSync(config.keyFile);
  await certificates.reload();
  await certificates.reload();
  assert.match(
    said.join(),
    /^TLS: cannot read the key .*tls\.key: ENOENT[^;]*; the certificate before it stays in use$/,
  );
  put(bytes('server.crt'), bytes('server.key'));
  await certificates.reload();
  assert.deepEqual([said.length, await count('failed'), await count('ok')], [1, 1, 0]);
  rmSync(config.keyFile);
  await certificates.reload();
  assert.equal(await count('failed'), 2);
  certificates.close();
});

test('an expired certificate does not replace a valid one; a later one does', async () => {
  const { put, said, certificates, count } = await open();
  put(bytes('next.crt'), bytes('next.key'));
  await certificates.reload();
  put(bytes('server.crt'), bytes('server.key'));
  mock.timers.enable({ apis: ['Date'], now: endOf('server') + 1 });
  try {
    await certificates.reload();
    await certificates.reload();
    assert.match(said.at(-1)!, /tls\.crt expired on 21\d\d-\d\d-\d\d; the certificate before it/);
    assert.deepEqual([await count('ok'), await count('failed')], [1, 1]);
    // The certificate of the issuer ends before that of the server.
    put(bytes('chain.crt'), bytes('chain.key'));
    await certificates.reload();
    assert.deepEqual([await count('ok'), await count('failed')], [1, 1]);
    mock.timers.setTime(endOf('server') - 1);
    await certificates.reload();
    assert.deepEqual([await count('ok'), await count('failed')], [2, 1]);
  } finally {
    mock.timers.reset();
    certificates.close();
  }
});

test('the end of the certificate is a metric, and near it a warning', async () => {
  const cases: [number, RegExp | undefined][] = [
    [-14 * DAY - 1, undefined],
    [-14 * DAY, /^TLS: the certificate .*tls\.crt expires on 21/],
    [0, /^TLS: the certificate .*tls\.crt expired on 21/],
  ];
  for (const [fromEnd, warning] of cases) {
    mock.timers.enable({ apis: ['Date'], now: endOf('server') + fromEnd });
    const { config, said, metrics, certificates } = await open().finally(() => mock.timers.reset());
    assert.equal(said.length, warning ? 1 : 0);
    if (warning) assert.match(said[0]!, warning);
    const { values } = await metrics.tlsExpiry.get();
    assert.deepEqual(
      values.map(({ value, labels }) => [value, labels]),
      [[endOf('server') / 1000, { file: config.certFile }]],
    );
    certificates.close();
  }
});

test('a server without TLS has no time of expiry', async () => {
  assert.deepEqual((await new Metrics().tlsExpiry.get()).values, []);
});

test('the watch sees what is written, renamed over, and swapped as Kubernetes does', {
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'clip-tls-'));
  const fill = (version: string, pair: Pair): void => {
    mkdirSync(join(folder, version));
    copyFileSync(source(`${pair}.crt`), join(folder, version, 'tls.crt'));
    copyFileSync(source(`${pair}.key`), join(folder, version, 'tls.key'));
  };
  fill('..1', 'server');
  symlinkSync('..1', join(folder, '..data'));
  for (const name of ['tls.crt', 'tls.key']) symlinkSync(join('..data', name), join(folder, name));
  const config = {
    certFile: join(folder, 'tls.crt'),
    keyFile: join(folder, 'tls.key'),
    clientCertificate: 'none',
  } as const;
  const site = { log: pino({ level: 'silent' }), metrics: new Metrics() };
  const certificates = await Certificates.open(config, site, 5);
  // The watch alone keeps no process alive.
  const awake = setInterval(() => {}, 1000);
  const seen = (pair: Pair): Promise<void> =>
    new Promise((resolve) => {
      const stop = certificates.onChange(({ cert }) => {
        assert.ok(cert.equals(bytes(`${pair}.crt`)));
        stop();
        resolve();
      });
    });
  const swapped = seen('next');
  fill('..2', 'next');
  symlinkSync('..2', join(folder, '..new'));
  renameSync(join(folder, '..new'), join(folder, '..data'));
  await swapped;
  const renamed = seen('chain');
  for (const kind of ['crt', 'key']) {
    copyFileSync(source(`chain.${kind}`), join(folder, `new.${kind}`));
    renameSync(join(folder, `new.${kind}`), join(folder, `tls.${kind}`));
  }
  await renamed;
  const written = seen('server');
  for (const kind of ['crt', 'key']) writeFileSync(join(folder, `tls.${kind}`), bytes(`server.${kind}`));
  await written;
  clearInterval(awake);
  certificates.close();
});

test('nothing is taken after the end of the watch', async () => {
  const { put, certificates, taken } = await open();
  certificates.close();
  put(bytes('next.crt'), bytes('next.key'));
  await certificates.reload();
  assert.deepEqual(taken, []);
});
