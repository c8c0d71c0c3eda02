import { readFile, stat } from 'node:fs/promises';
import type { ServerAddress } from './address.ts';
import { ClientCore, type Platform } from './core.ts';
import { grpcTransport } from './grpc.ts';
import { type Fetch, type HttpParts, HttpTransport } from './http.ts';
import type { ClientOptions, Settings } from './options.ts';
import type { Transport } from './transport.ts';
import { type Socket, websocketTransport } from './websocket.ts';

export type { Match } from './answer.ts';
export type { Encoded, EncodeOptions, SearchOptions } from './core.ts';
export { type ClientErrorCode, ClipClientError } from './error.ts';
export { type FormOptions, VECTOR_TYPES, type Vectors, type VectorType } from './forms.ts';
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

/** In Node: every protocol, TLS options, files by their paths, and key or token from the environment. */
export class Client extends ClientCore {
  /**
   * @param server `grpc://host:51000`; grpcs, http, https, ws, wss likewise
   * @throws ClipClientError invalid_input
   */
  constructor(server: string, options: ClientOptions = {}) {
    super(server, { ...credentialsFrom(process.env, options), ...options }, PLATFORM);
  }
}

/** What is said in the program goes before what stands in the environment, and there the key before the token. */
function credentialsFrom(environment: NodeJS.ProcessEnv, { token, apiKey }: ClientOptions): ClientOptions {
  if (token !== undefined || apiKey !== undefined) return {};
  const { CLIP_API_KEY, CLIP_AUTH_TOKEN } = environment;
  return CLIP_API_KEY ? { apiKey: CLIP_API_KEY } : { token: CLIP_AUTH_TOKEN };
}

function connect(address: ServerAddress, settings: Settings): Transport {
  if (address.protocol === 'grpc') return grpcTransport(address, settings);
  const http = new HttpTransport(address, settings, httpParts(settings));
  if (address.protocol === 'http') return http;
  return websocketTransport(address, {
    connect: (url, subprotocol) => connectSocket(url, subprotocol, settings),
    http,
    timeoutMs: settings.timeoutMs,
  });
}

function httpParts({ tls, concurrency }: Settings): HttpParts {
  const openPool = async () => {
    const { Agent, fetch } = await import('undici');
    // Every request is bounded as a whole.
    const unbounded = { headersTimeout: 0, bodyTimeout: 0 };
    const agent = new Agent({ ...unbounded, connect: { ...tls, timeout: 0 }, connections: concurrency });
    return { agent, fetch };
  };
  let opened: ReturnType<typeof openPool> | undefined;
  const request: Fetch = async (url, init) => {
    opened ??= openPool();
    const { agent, fetch } = await opened;
    return fetch(url, { ...init, dispatcher: agent });
  };
  return {
    fetch: request,
    toBase64: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
    close: async () => (await opened)?.agent.destroy(),
  };
}

async function connectSocket(url: string, subprotocol: string, settings: Settings): Promise<Socket> {
  const { default: WebSocket } = await import('ws');
  const { token, headers, tls, answerBytes } = settings;
  const authorization = token === undefined ? {} : { authorization: token };
  return new WebSocket(url, [subprotocol], {
    ...tls,
    headers: { ...headers, ...authorization },
    maxPayload: answerBytes,
    // Floats hardly shrink, and it costs both sides more than it saves.
    perMessageDeflate: false,
  }) as unknown as Socket;
}
