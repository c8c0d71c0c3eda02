import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { connect } from 'node:http2';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { silentLog } from '../../src/observe/log.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { Certificates } from '../../src/protocol/certificates.ts';
import { startGrpc } from '../../src/protocol/grpc/start.ts';
import { startHttp } from '../../src/protocol/http/start.ts';
import { encodeRequest } from '../../src/protocol/jina/wire/request.ts';
import { decodeResponse } from '../../src/protocol/jina/wire/response.ts';
import type { ListenerSite, StartedListener } from '../../src/protocol/site.ts';
import { startWebSocket } from '../../src/protocol/websocket/start.ts';
import { FakeService, testConfig } from './fake-service.ts';

interface Row {
  readonly protocol: StartedListener['protocol'];
  readonly start: (site: ListenerSite) => Promise<StartedListener>;
  /**
   * One request on a new connection, checked against `ca`.
   * Resolves to the serial number of the server's certificate; rejects where the answer is not the right one.
   */
  readonly ask: (port: number, text: string) => Promise<string>;
}

const source = (name: string): string => join(import.meta.dirname, 'certs', name);
const ca = readFileSync(source('ca.crt'));
const ASKERS = 4;
const MOST_TURNS = 2000;

const ROWS: readonly Row[] = [
  { protocol: 'http', start: startHttp, ask: askHttps },
  { protocol: 'grpc', start: startGrpc, ask: askGrpcs },
  { protocol: 'websocket', start: startWebSocket, ask: askWss },
];

function askHttps(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const options = { host: '127.0.0.1', port, path: '/encode', method: 'POST', ca, agent: false, headers };
    const call = request(options, (response) => {
      const { serialNumber } = (response.socket as TLSSocket).getPeerCertificate();
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      response.once('error', reject).once('end', () => {
        if (body.includes('"embedding":[') && body.includes(text)) resolve(serialNumber);
        else reject(new Error(`expected an embedding, got ${response.statusCode} ${body}`));
      });
    });
    call.once('error', reject);
    call.end(JSON.stringify({ data: [{ text }] }));
  });
}

function message(text: string): Uint8Array {
  return encodeRequest({ requestId: text, parameters: {}, documents: [{ id: text, text }] });
}

function checkReply(reply: Uint8Array, text: string): void {
  const [document] = decodeResponse(reply).documents;
  assert.equal(document?.id, text);
  assert.ok(document?.embedding instanceof Float32Array);
}

async function askGrpcs(port: number, text: string): Promise<string> {
  const session = connect(`https://127.0.0.1:${port}`, { ca });
  try {
    const call = session.request({
      ':method': 'POST',
      ':path': '/jina.JinaRPC/Call',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const sent = message(text);
    const head = Buffer.alloc(5);
    head.writeUInt32BE(sent.length, 1);
    call.end(Buffer.concat([head, sent]));
    const reply = await buffer(call);
    checkReply(reply.subarray(5), text);
    return (session.socket as TLSSocket).getPeerCertificate().serialNumber;
  } finally {
    session.close();
  }
}

async function askWss(port: number, text: string): Promise<string> {
  const client = new WebSocket(`wss://127.0.0.1:${port}/`, ['bytes'], { ca });
  let serial = '';
  client.once('upgrade', ({ socket }) => {
    serial = (socket as TLSSocket).getPeerCertificate().serialNumber;
  });
  await once(client, 'open');
  client.send(message(text));
  const [reply] = await once(client, 'message');
  checkReply(reply, text);
  client.close();
  return serial;
}

for (const { protocol, start, ask } of ROWS) {
  test(`${protocol}: certificates replaced under load serve new connections, and no request fails`, {
    timeout: 120_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clip-tls-'));
    const tls = {
      certFile: join(folder, 'tls.crt'),
      keyFile: join(folder, 'tls.key'),
      clientCertificate: 'none',
    } as const;
    const replace = (name: string): void => {
      for (const kind of ['crt', 'key']) {
        copyFileSync(source(`${name}.${kind}`), join(folder, `new.${kind}`));
        renameSync(join(folder, `new.${kind}`), join(folder, `tls.${kind}`));
      }
    };
    replace('server');
    const service = new FakeService();
    const site = { log: silentLog, metrics: new Metrics() };
    const certificates = await Certificates.open(tls, site, 5);
    const listener = await start({
      ...site,
      service,
      certificates,
      config: testConfig({ tls }),
      listener: { protocol, port: 0 },
      health: { ready: () => ({ ready: true, reasons: [] }) },
      version: '1.2.3',
    });
    const { port } = listener.address;
    // One request is in flight over every change.
    const held = gate();
    const changes = gate();
    service.work = async () => {
      const item = service.seen.at(-1);
      if (item?.kind !== 'text' || item.text !== 'early') return;
      held.resolve();
      await changes.promise;
    };
    const early = ask(port, 'early');
    await held.promise;
    const serials: string[] = [];
    let asking = true;
    const load = Array.from({ length: ASKERS }, async (_, asker) => {
      while (asking) serials.push(await ask(port, `text ${asker}`));
    });
    const first = await ask(port, 'before');
    let current = first;
    try {
      for (const name of ['next', 'chain', 'server']) {
        replace(name);
        const last = current;
        // Until the load has met it, too.
        for (let turn = 0; turn < MOST_TURNS && (current === last || !serials.includes(current)); turn += 1)
          current = await ask(port, name);
        assert.notEqual(current, last, `${name} is not served`);
      }
    } finally {
      asking = false;
      changes.resolve();
      await Promise.all(load);
      await early.catch(() => {});
      await listener.close(0);
      certificates.close();
    }
    assert.equal(await early, first);
    assert.equal(current, first);
    assert.equal(new Set(serials).size, 3);
  });
}

function gate(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let open = (): void => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, resolve: () => open() };
}
