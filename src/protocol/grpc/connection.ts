import {
  constants,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Limits } from '../../config/limits.ts';
import { TokenBucket } from './token-bucket.ts';

/** What a client may send ahead on one connection: at 10 ms of round trip, enough for some GB/s. */
const CONNECTION_WINDOW = 32 * 2 ** 20;
/** Control frames (pings, settings) at once. */
const CONTROL_BURST = 60;
/** While calls are open, a client may look more often whether the server lives. */
const BUSY_PING_MS = 100;
/** More than the answer to a ping takes, also inside TLS: something else was sent since the last one. */
const MORE_THAN_PONG = 128;
/** Settings change at the start and hardly ever again. */
const SETTINGS_MS = 1000;
/** As nghttp2 refills: 33 resets a second. */
const RESET_MS = 1000 / 33;

export type ConnectionLimits = Pick<Limits, 'pingMs' | 'streamResets' | 'streams' | 'headerMs'>;

const HOMES = new WeakMap<ServerHttp2Stream, { connection: Connection; headers: IncomingHttpHeaders }>();

/** Undefined where the connection has ended. */
export function connectionOf(stream: ServerHttp2Stream): Connection | undefined {
  return HOMES.get(stream)?.connection;
}

/** What the client sent in front of the call. */
export function headersOf(stream: ServerHttp2Stream): IncomingHttpHeaders {
  return HOMES.get(stream)?.headers ?? {};
}

/** Holds one connection's client to what is usual, and ends the connection where it is not. */
export class Connection {
  readonly #session: ServerHttp2Session;
  readonly #limits: ConnectionLimits;
  readonly #onLimit: (limit: keyof Limits) => void;
  readonly #pings = new TokenBucket(CONTROL_BURST);
  readonly #settings = new TokenBucket(CONTROL_BURST);
  readonly #resets: TokenBucket;
  #ended = false;
  #sentAtPing = 0;
  #streams = 0;
  #running = 0;

  constructor(session: ServerHttp2Session, limits: ConnectionLimits, onLimit: (limit: keyof Limits) => void) {
    this.#session = session;
    this.#limits = limits;
    this.#onLimit = onLimit;
    this.#resets = new TokenBucket(limits.streamResets);
    session.setLocalWindowSize(CONNECTION_WINDOW);
    session.on('ping', () => this.#onPing());
    const greeting = setTimeout(() => this.#end('headerMs', 'no_settings'), limits.headerMs);
    session.once('close', () => clearTimeout(greeting));
    session.on('remoteSettings', () => {
      clearTimeout(greeting);
      if (!this.#settings.take(SETTINGS_MS)) this.#end('pingMs', 'too_many_settings');
    });
  }

  /** Sees each call of the client, with its headers as they came. */
  watch(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    HOMES.set(stream, { connection: this, headers });
    this.#streams += 1;
    stream.once('close', () => {
      this.#streams -= 1;
      const reset = stream.rstCode !== constants.NGHTTP2_NO_ERROR;
      if (reset && !this.#resets.take(RESET_MS)) this.#end('streamResets', 'too_many_resets');
    });
  }

  /** Whether one more call may be worked on; a call that the client has reset counts until its work has ended. */
  begin(): boolean {
    if (this.#running >= this.#limits.streams) {
      this.#onLimit('streams');
      return false;
    }
    this.#running += 1;
    return true;
  }

  end(): void {
    this.#running -= 1;
  }

  #onPing(): void {
    const { bytesWritten } = this.#session.socket;
    const sent = bytesWritten - this.#sentAtPing;
    this.#sentAtPing = bytesWritten;
    // Clients measure their bandwidth by pings, one in each round trip, while answers come.
    if (sent > MORE_THAN_PONG) return;
    const interval = this.#streams > 0 ? Math.min(BUSY_PING_MS, this.#limits.pingMs) : this.#limits.pingMs;
    if (!this.#pings.take(interval)) this.#end('pingMs', 'too_many_pings');
  }

  /** Node 20 aborts where a session is destroyed while it hands out frames, so the end comes when it has done so. */
  #end(limit: keyof Limits, why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onLimit(limit);
    setImmediate(() => {
      const session = this.#session;
      const code = constants.NGHTTP2_ENHANCE_YOUR_CALM;
      if (session.destroyed) return;
      // gRPC's own clients look for these words.
      if (!session.closed) session.goaway(code, 0, Buffer.from(why));
      session.destroy(undefined, code);
    });
  }
}
