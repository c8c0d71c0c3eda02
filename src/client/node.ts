import { readFile, stat } from 'node:fs/promises';
import type { ServerAddress } from './address.ts';
import { ClientCore, type Platform } from './core.ts';
import { type Fetch, HttpTransport } from './http.ts';
import type { ClientOptions, Settings } from './options.ts';
import type { Transport } from './transport.ts';

export type { Match } from './answer.ts';
export type { Encoded, EncodeOptions, SearchOptions } from './core.ts';
export { type ClientErrorCode, ClipClientError } from './error.ts';
export type { Input, TensorInput } from './input.ts';
export type { CallOptions, ClientOptions, Progress, RetryOptions, TlsOptions } from './options.ts';
export type { Profile } from './profile.ts';
export type { RankGroup } from './rank.ts';
export type { AnsweredDocument, Readiness, ServerInfo } from './transport.ts';

const PLATFORM: Platform = {
  connect,
  files: {
    size: async (path) => (await stat(path)).size,
    read: (path) => readFile(path),
  },
};

/** In Node: every protocol, TLS options, files by their paths, and the token from the environment. */
export class Client extends ClientCore {
  /**
   * @param server `grpc://host:51000`; grpcs, http, https, ws, wss likewise
   * @throws ClipClientError invalid_input
   */
  constructor(server: string, options: ClientOptions = {}) {
    super(server, { token: process.env.CLIP_AUTH_TOKEN, ...options }, PLATFORM);
  }
}

function connect(address: ServerAddress, settings: Settings): Transport {
  return new HttpTransport(address, settings, httpParts(settings));
}

function httpParts({ tls, concurrency }: Settings) {
  let opened: ReturnType<typeof openPool> | undefined;
  const openPool = async () => {
    const { Agent, fetch } = await import('undici');
    // The client bounds every request by itself.
    const agent = new Agent({
      connect: { ...tls, timeout: 0 },
      connections: concurrency,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    return { agent, fetch };
  };
  const request: Fetch = async (url, init) => {
    opened ??= openPool();
    const { agent, fetch } = await opened;
    return fetch(url, { ...init, dispatcher: agent });
  };
  return {
    fetch: request,
    toBase64: (bytes: Uint8Array) =>
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
    close: async () => (await opened)?.agent.destroy(),
  };
}
