import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DEFAULT_FETCH, type FetchConfig } from '../../../src/config/config.ts';
import { DEFAULT_LIMITS, type Limits } from '../../../src/config/limits.ts';
import { ClipError, type ErrorCode } from '../../../src/errors.ts';
import { silentLog } from '../../../src/observe/log.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import type { Network } from '../../../src/preprocess/uri/network.ts';
import { UriLoader } from '../../../src/preprocess/uri/uri-loader.ts';

export interface Setup {
  readonly fetch?: Partial<FetchConfig>;
  readonly limits?: Partial<Limits>;
  readonly network?: Partial<Network>;
}

/** A loader whose resolver knows no host, and which may talk to this machine. */
export function makeLoader(setup: Setup = {}): { loader: UriLoader; metrics: Metrics } {
  const metrics = new Metrics();
  const loader = new UriLoader({
    config: { ...DEFAULT_FETCH, allow: ['127.0.0.1'], ...setup.fetch },
    limits: { ...DEFAULT_LIMITS, ...setup.limits },
    metrics,
    log: silentLog,
    network: {
      resolve: async (host) => {
        throw Object.assign(new Error(`no ${host}`), { code: 'ENOTFOUND' });
      },
      request: httpRequest,
      ...setup.network,
    },
  });
  return { loader, metrics };
}

export interface Served {
  readonly origin: string;
  readonly port: number;
  readonly server: Server;
  close(): Promise<void>;
}

export async function serve(listener: RequestListener): Promise<Served> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { origin: `http://127.0.0.1:${port}`, port, server, close };
}

export const never: AbortSignal = new AbortController().signal;

/** Asserts that `promise` fails with a code of the table, and returns the sentence. */
export async function failsWith(code: ErrorCode, promise: Promise<unknown>): Promise<string> {
  const result = await promise.then(
    () => assert.fail(`expected ${code}, got an answer`),
    (error: unknown) => error,
  );
  assert.ok(result instanceof ClipError, `expected a ClipError, got ${result}`);
  assert.equal(result.code, code, result.message);
  return result.message;
}

export async function limitCount(metrics: Metrics, limit: string): Promise<number> {
  const { values } = await metrics.limited.get();
  return values.find(({ labels }) => labels.limit === limit)?.value ?? 0;
}

/** Lets the event loop go round, so that what can happen does. */
export const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};
