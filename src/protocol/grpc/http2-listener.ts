import type {
  Http2SecureServer,
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2';
import { createServer, type Server as NetServer } from 'node:net';
import {
  Server,
  type ServerCredentials,
  type ServerInterceptor,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import type { GrpcConfig } from '../../config/config.ts';
import type { Limits } from '../../config/limits.ts';
import type { Logger } from '../../observe/log.ts';
import { OpenSockets, openPort } from '../port.ts';
import { Connection } from './connection.ts';
import { serverInternals } from './internals.ts';
import type { Method } from './method.ts';

/** What a client may send ahead on one call. */
const STREAM_WINDOW = 8 * 2 ** 20;
/** Fewer, larger frames: a message of some MB costs less. */
const FRAME_BYTES = 2 ** 20;
const MOST_HEADERS = 200;
/** What HTTP/2 counts for each header beside its name and value. */
const HEADER_OVERHEAD = 32;
/** Node's timers hold 31 bits, and grpc-js takes a longer time for one that has passed. */
const LONGEST_TIMEOUT = '2147483S';
const MS_PER_UNIT: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000 };

export interface Http2Options {
  readonly grpc: GrpcConfig;
  readonly limits: Limits;
  readonly methods: readonly Method[];
  readonly credentials: ServerCredentials;
  readonly interceptor: ServerInterceptor;
  readonly log: Logger;
  readonly onConnections: (change: 1 | -1) => void;
  readonly onLimit: (limit: keyof Limits) => void;
}

/** A server of grpc-js on a port, with windows, limits and an end of our own. */
export class Http2Listener {
  readonly grpc: Server;
  readonly #options: Http2Options;
  readonly #listener: NetServer;
  readonly #sockets: OpenSockets;
  readonly #connections = new Map<ServerHttp2Session, Connection>();
  #empty: (() => void) | undefined;

  constructor(options: Http2Options) {
    this.#options = options;
    this.#sockets = new OpenSockets(options.onConnections);
    const { grpc, limits, interceptor, credentials } = options;
    this.grpc = new Server({
      'grpc.enable_channelz': 0,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': grpc.keepaliveMs,
      'grpc.keepalive_timeout_ms': grpc.keepaliveTimeoutMs,
      'grpc.max_connection_idle_ms': limits.idleMs,
      ...(grpc.maxAgeMs !== undefined && { 'grpc.max_connection_age_ms': grpc.maxAgeMs }),
      ...(grpc.maxAgeGraceMs !== undefined && { 'grpc.max_connection_age_grace_ms': grpc.maxAgeGraceMs }),
      interceptors: [interceptor],
    });
    const inside = serverInternals(this.grpc);
    Object.assign(inside.commonServerOptions, http2Options(limits));
    const make = inside.createHttp2Server.bind(this.grpc);
    inside.createHttp2Server = (given) => this.#adopt(make(given));
    this.grpc.addService(serviceOf(options.methods), {});
    const { injectConnection } = this.grpc.createConnectionInjector(credentials);
    this.#listener = createServer((socket) => {
      this.#sockets.add(socket);
      injectConnection(socket);
    });
    this.#listener.maxConnections = limits.connections;
    this.#listener.on('drop', () => options.onLimit('connections'));
  }

  /** @returns the port @throws Error that names host and port */
  listen(host: string, port: number): Promise<number> {
    return openPort(this.#listener, host, port, (error) =>
      this.#options.log.error({ err: error }, 'the gRPC listener failed'),
    );
  }

  /** Takes no new connections and calls, and ends everything after `drainMs`. */
  async close(drainMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    // Says goodbye on every connection; those without calls close.
    this.grpc.tryShutdown(() => {});
    const drained = new Promise<void>((resolve) => {
      if (this.#connections.size === 0) return resolve();
      const timer = setTimeout(resolve, drainMs);
      this.#empty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    await drained;
    for (const session of this.#connections.keys()) session.destroy();
    // Those that have not got as far as HTTP/2.
    this.#sockets.destroy();
    await closed;
  }

  #adopt<T extends Http2Server | Http2SecureServer>(server: T): T {
    const { log } = this.#options;
    server.on('session', (session: ServerHttp2Session) => this.#open(session));
    server.on('sessionError', (error: Error) => log.debug({ err: error }, 'a gRPC connection failed'));
    server.on('tlsClientError', (error: Error) => log.debug({ err: error }, 'a TLS handshake failed'));
    server.prependListener('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      shortenTimeout(headers);
      if (stream.session) this.#connections.get(stream.session as ServerHttp2Session)?.watch(stream, headers);
    });
    return server;
  }

  #open(session: ServerHttp2Session): void {
    const { limits, onLimit } = this.#options;
    this.#connections.set(session, new Connection(session, limits, onLimit));
    session.once('close', () => {
      this.#connections.delete(session);
      if (this.#connections.size === 0) this.#empty?.();
    });
  }
}

/** grpc-js knows the methods by their paths alone: the interceptor serves them. */
function serviceOf(methods: readonly Method[]): ServiceDefinition {
  const same = (message: Buffer): Buffer => message;
  const codec = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  return Object.fromEntries(
    methods.map(({ path }) => [path, { path, requestStream: true, responseStream: true, ...codec }]),
  );
}

function http2Options(limits: Limits): object {
  return {
    maxSessionMemory: Math.ceil(limits.sessionBytes / 1e6),
    maxHeaderListPairs: MOST_HEADERS,
    unknownProtocolTimeout: limits.headerMs,
    settings: {
      initialWindowSize: STREAM_WINDOW,
      maxFrameSize: FRAME_BYTES,
      maxConcurrentStreams: limits.streams,
      // With this, Node drops a call without a word; what is between it and `headerBytes` gets an answer.
      maxHeaderListSize: 2 * limits.headerBytes + MOST_HEADERS * HEADER_OVERHEAD,
    },
  };
}

/** Weeks and centuries are the same to a request. */
function shortenTimeout(headers: IncomingHttpHeaders): void {
  const timeout = /^(\d{1,8})([HMS])$/.exec(String(headers['grpc-timeout']));
  if (timeout && Number(timeout[1]) * MS_PER_UNIT[timeout[2]!]! >= 2 ** 31)
    headers['grpc-timeout'] = LONGEST_TIMEOUT;
}
