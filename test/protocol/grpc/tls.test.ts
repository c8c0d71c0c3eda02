import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { Client, credentials, status } from '@grpc/grpc-js';
import type { TlsConfig } from '../../../src/config/config.ts';
import { CHANNEL, exchange, openRig, readReply, request } from './rig.ts';

const TIMEOUT = { timeout: 120_000 };
const file = (name: string): string => join(import.meta.dirname, '../certs', name);
const pem = (name: string): Buffer => readFileSync(file(name));
const PLAIN: TlsConfig = {
  certFile: file('server.crt'),
  keyFile: file('server.key'),
  clientCertificate: 'none',
};

async function ask(port: number, certified = false): Promise<number> {
  const own = certified ? [pem('client.key'), pem('client.crt')] : [];
  const client = new Client(`127.0.0.1:${port}`, credentials.createSsl(pem('ca.crt'), ...own), CHANNEL);
  const { messages, status: end } = await exchange(client, [request('a', ['x'])]);
  client.close();
  if (end.code === status.OK) assert.equal(readReply(messages[0]!).id, 'a');
  return end.code;
}

test('gRPC over TLS', TIMEOUT, async () => {
  await using rig = await openRig({ gateway: { tls: PLAIN } });
  assert.equal(rig.listener.address.secure, true);
  assert.equal(await ask(rig.port), status.OK);
});

for (const name of ['server-encrypted.key', 'server-encrypted-pkcs8.key'])
  test(`a key with a passphrase: ${name}`, TIMEOUT, async () => {
    await using rig = await openRig({
      gateway: { tls: { ...PLAIN, keyFile: file(name), passphrase: 'secret' } },
    });
    assert.equal(await ask(rig.port), status.OK);
  });

test('certificates of clients: required, or welcome', TIMEOUT, async () => {
  const authority = { ...PLAIN, caFile: file('ca.crt') };
  await using required = await openRig({ gateway: { tls: { ...authority, clientCertificate: 'required' } } });
  assert.equal(await ask(required.port, true), status.OK);
  assert.equal(await ask(required.port), status.UNAVAILABLE);
  await using optional = await openRig({ gateway: { tls: { ...authority, clientCertificate: 'optional' } } });
  assert.equal(await ask(optional.port, true), status.OK);
  assert.equal(await ask(optional.port), status.OK);
});

function handshake(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: '127.0.0.1', ca: pem('ca.crt'), ...options }, () =>
      resolve(socket),
    );
    socket.on('error', reject);
  });
}

test('TLS 1.2 and later, and HTTP/2 alone', TIMEOUT, async () => {
  await using rig = await openRig({ gateway: { tls: PLAIN } });
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await handshake(rig.port, {
      ALPNProtocols: ['h2'],
      minVersion: version,
      maxVersion: version,
    });
    assert.equal(socket.alpnProtocol, 'h2');
    socket.destroy();
  }
  const old = { ALPNProtocols: ['h2'], minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' } as const;
  await assert.rejects(handshake(rig.port, { ...old, ciphers: 'DEFAULT@SECLEVEL=0' }));
});

test('a client that does not finish its handshake is let go', TIMEOUT, async () => {
  await using rig = await openRig({ gateway: { tls: PLAIN }, limits: { headerMs: 50 } });
  const socket = connect(rig.port, '127.0.0.1');
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
});

test('a certificate that replaces another serves new connections', TIMEOUT, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'clip-grpc-tls-'));
  const [certFile, keyFile] = [join(folder, 'a.crt'), join(folder, 'a.key')];
  copyFileSync(file('server.crt'), certFile);
  copyFileSync(file('server.key'), keyFile);
  await using rig = await openRig({ gateway: { tls: { ...PLAIN, certFile, keyFile } } });
  const serial = async (): Promise<string> => {
    const socket = await handshake(rig.port, { ALPNProtocols: ['h2'], rejectUnauthorized: false });
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  const before = await serial();
  copyFileSync(file('next.crt'), certFile);
  copyFileSync(file('next.key'), keyFile);
  await rig.certificates!.reload();
  assert.notEqual(await serial(), before);
});
