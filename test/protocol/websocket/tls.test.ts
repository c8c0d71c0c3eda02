import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../../../src/observe/log.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { Certificates } from '../../../src/protocol/certificates.ts';
import { dataRequest, requestIdOf } from './data-request.ts';
import { openRig, turns } from './rig.ts';

const file = (name: string): string => join(import.meta.dirname, '../certs', name);

test('wss: large messages both ways, many in flight, and the close', { timeout: 120_000 }, async () => {
  const tls = {
    certFile: file('server.crt'),
    keyFile: file('server.key'),
    clientCertificate: 'none',
  } as const;
  const certificates = await Certificates.open(tls, { log: silentLog, metrics: new Metrics() });
  const rig = await openRig({ certificates, limits: { streamBytes: 2 ** 20 } });
  try {
    assert.ok(rig.listener.address.secure);
    rig.service.encode = async (items) => items.map(() => ({ vector: Float32Array.of(0.5) }));
    const client = await rig.connect('bytes', { ca: readFileSync(file('ca.crt')) });
    const count = 50;
    for (let i = 0; i < count; i += 1) client.send(dataRequest(`${i}`, ['y'.repeat(300_000)]));
    client.send(Buffer.from([0]));
    assert.equal((await client.closed).code, 1000);
    assert.equal(new Set(client.messages.map(requestIdOf)).size, count);
    assert.ok(client.messages.every((reply) => reply.length > 300_000));
    const left = await rig.connect('bytes', { ca: readFileSync(file('ca.crt')) });
    left.socket.terminate();
    while ((await rig.count('clip_connections{protocol="websocket"}')) > 0) await turns(1);
  } finally {
    await rig.listener.close(0);
    certificates.close();
  }
});
