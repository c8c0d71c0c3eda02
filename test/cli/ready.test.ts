import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { writeEndpoints } from '../../src/cli/endpoints.ts';
import { openRig, type Rig, SCHEMES } from '../client/rig.ts';
import { testModel } from '../models/test-model.ts';
import { startBuiltServer } from '../server/built-server.ts';

const LAUNCH = new URL('../../dist/cli/launch.cjs', import.meta.url).pathname;

async function ask(args: string[], endpoints = ''): Promise<{ code: number; err: string }> {
  const env = { ...process.env, CLIP_SERVER_ENDPOINTS: endpoints };
  const child = spawn(process.execPath, [LAUNCH, 'ready', ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  return { code, err };
}

async function withFile(use: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'clip-ready-'));
  try {
    await use(join(folder, 'endpoints'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const urls = (rig: Rig) => SCHEMES.map((scheme) => rig.url(scheme));

test('a server is asked by each protocol, and says why it is not ready', async () => {
  const rig = await openRig();
  try {
    for (const url of urls(rig)) assert.deepEqual(await ask([url]), { code: 0, err: '' });
    rig.reasons.push('no engine of the text tower is serving');
    for (const url of urls(rig)) {
      const { code, err } = await ask([url]);
      assert.equal(code, 1, url);
      assert.match(err, /^clip-server: not ready: .*no engine of the text tower is serving\n$/);
    }
  } finally {
    await rig[Symbol.asyncDispose]();
  }
});

test('every address of the file has to be ready', () =>
  withFile(async (file) => {
    const [rig, other] = [await openRig(), await openRig()];
    try {
      await writeFile(file, [...urls(rig), other.url('grpc')].join('\n'));
      assert.deepEqual(await ask([], file), { code: 0, err: '' });
      other.reasons.push('the server is shutting down');
      assert.equal((await ask([], file)).code, 1);
    } finally {
      await rig[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
    }
    const gone = await ask([], file);
    assert.equal(gone.code, 1);
    assert.match(gone.err, /ECONNREFUSED/);
  }));

test('without a server’s note it is not ready; without anywhere to look the command is wrong', () =>
  withFile(async (file) => {
    const missing = await ask([], file);
    assert.equal(missing.code, 1);
    assert.match(missing.err, /no server has noted its addresses: .*endpoints/);
    await writeFile(file, '');
    assert.match((await ask([], file)).err, /got an empty file/);
    for (const args of [[], ['--now'], ['grpc://a:1', 'grpc://b:1'], ['localhost']])
      assert.equal((await ask(args)).code, 2, args.join(' '));
  }));

test('a server notes the addresses that it serves once it is ready, with TLS too', () =>
  withFile(async (file) => {
    const certs = new URL('../protocol/certs/', import.meta.url).pathname;
    for (const tls of [undefined, { certificate: `${certs}server.crt`, key: `${certs}server.key` }]) {
      const environment = { ...process.env, CLIP_SERVER_ENDPOINTS: file };
      const ports = { grpc: 0, http: 0, websocket: 0 };
      const server = await startBuiltServer(await testModel('tiny'), 1, { ports, environment, tls });
      try {
        const { grpc, http, websocket } = server.ports;
        const s = tls ? 's' : '';
        assert.deepEqual((await readFile(file, 'utf8')).split('\n'), [
          `grpc${s}://127.0.0.1:${grpc}`,
          `http${s}://127.0.0.1:${http}`,
          `ws${s}://127.0.0.1:${websocket}`,
          '',
        ]);
        assert.deepEqual(await ask([], file), { code: 0, err: '' });
        // A certificate that nobody vouches for passes for the machine's own addresses alone.
        if (tls) assert.equal((await ask([`grpcs://127.0.0.1:${grpc}`])).code, 1);
      } finally {
        await server.stop();
      }
    }
  }));

test('an address that stands for all is noted as the loopback one; a file that cannot be written is a warning', async () => {
  const at = (host: string) => ({
    protocol: 'grpc' as const,
    address: { host, port: 51000, secure: false },
    implementation: '',
    close: async () => {},
  });
  const warnings: string[] = [];
  const log = { warn: (line: string) => void warnings.push(line) } as Parameters<typeof writeEndpoints>[2];
  await withFile(async (file) => {
    await writeEndpoints(file, ['0.0.0.0', '::', 'cas.example', 'fd00::1'].map(at), log);
    assert.deepEqual((await readFile(file, 'utf8')).trim().split('\n'), [
      'grpc://127.0.0.1:51000',
      'grpc://[::1]:51000',
      'grpc://cas.example:51000',
      'grpc://[fd00::1]:51000',
    ]);
    assert.deepEqual(warnings, []);
    await writeEndpoints(join(file, 'below'), [at('::')], log);
    assert.match(warnings.join(), /CLIP_SERVER_ENDPOINTS: ENOTDIR/);
    await writeEndpoints(undefined, [at('::')], log);
  });
});
