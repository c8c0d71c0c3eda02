import type { ServerAddress } from './address.ts';
import { ClientCore, type Platform } from './core.ts';
import { ClipClientError } from './error.ts';
import { type Fetch, HttpTransport } from './http.ts';
import type { ClientOptions, Settings } from './options.ts';
import type { Transport } from './transport.ts';
import { type Socket, websocketTransport } from './websocket.ts';

export { ClipClientError } from './error.ts';

/** What of a page's globals Node's types do not name. */
declare const WebSocket: new (url: string, subprotocols: string[]) => Socket;

const PLATFORM: Platform = { connect };
/** `fromCharCode` takes its arguments from the stack. */
const SLICE = 0x8000;

/** In a browser: http, https, ws and wss; pictures as Blob or bytes. */
export class Client extends ClientCore {
  /**
   * @param server `https://host:port`; http, ws, wss likewise. A page of another origin needs `cors: true` in the flow
   * @throws ClipClientError invalid_input, also for TLS options, and for a token or headers of a WebSocket
   */
  constructor(server: string, options: ClientOptions = {}) {
    super(server, options, PLATFORM);
  }
}

function connect(address: ServerAddress, settings: Settings): Transport {
  const { tls, token, apiKey, headers, timeoutMs } = settings;
  if (address.protocol === 'grpc')
    throw wrong('server: expected http, https, ws or wss in a browser, got gRPC');
  if (Object.keys(tls).length > 0) throw wrong('tls: expected none in a browser, which has its own');
  const request: Fetch = (url, init) => globalThis.fetch(url, init);
  const http = new HttpTransport(address, settings, { fetch: request, toBase64, close: async () => {} });
  if (address.protocol === 'http') return http;
  if ((token !== undefined && apiKey === undefined) || Object.keys(headers).length > 0)
    throw wrong('token, headers: expected none, for a browser sends none with a WebSocket');
  return websocketTransport(address, {
    connect: (url, subprotocol) => new WebSocket(url, [subprotocol, ...keyProtocol(apiKey)]),
    http,
    timeoutMs,
  });
}

/** The key as one more sub-protocol, the one place that a page may fill. */
function keyProtocol(apiKey: string | undefined): string[] {
  if (apiKey === undefined) return [];
  return [`bearer.${btoa(apiKey).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')}`];
}

function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += SLICE)
    binary += String.fromCharCode(...bytes.subarray(at, at + SLICE));
  return btoa(binary);
}

function wrong(message: string): ClipClientError {
  return new ClipClientError('invalid_input', message);
}
