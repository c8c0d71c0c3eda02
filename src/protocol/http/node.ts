import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ClipError } from '../../errors.ts';
import { OpenSockets, openPort } from '../port.ts';
import { serverTlsOptions } from '../tls.ts';
import { InFlight, runExchange } from './exchange.ts';
import { faultReply } from './fault.ts';
import { headOf, NodeExchange } from './node-exchange.ts';
import {
  type HttpHandler,
  type HttpServer,
  type HttpServerOptions,
  MOST_HEADERS,
  MOST_TARGET_CHARACTERS,
} from './server.ts';

/** What takes requests to go on in another protocol on the same connection. */
export interface Upgrades {
  /** As the header `upgrade` names it, in lower case. Requests that ask for another are served as if they had not. */
  readonly protocol: string;
  /** Why a request for this path is refused; it is then answered with this. */
  refuse(path: string, headers: IncomingHttpHeaders): ClipError | undefined;
  /** The connection is the taker's from here on; the server waits for its end as for an answer. */
  take(message: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface NodeHttpServerOptions extends HttpServerOptions {
  readonly upgrades?: Upgrades;
}

/** The seam on `node:http` and `node:https`. */
export class NodeHttpServer implements HttpServer {
  readonly implementation = 'node';
  readonly #options: NodeHttpServerOptions;
  readonly #server: Server;
  readonly #inFlight = new InFlight();
  readonly #sockets: OpenSockets;
  /** What is in flight on each connection that speaks HTTP. */
  readonly #busy = new Map<Duplex, Set<NodeExchange>>();
  readonly #forget: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: NodeHttpServerOptions) {
    this.#options = options;
    this.#server = makeServer(options);
    this.#sockets = new OpenSockets(options.onConnections);
    this.#forget = options.certificates?.onChange((material) =>
      (this.#server as TlsServer).setSecureContext(serverTlsOptions(material)),
    );
    const { limits } = options;
    // Node drops headers beyond this count without a word; the request is refused long before.
    this.#server.maxHeadersCount = 2 * MOST_HEADERS;
    this.#server.maxConnections = limits.connections;
    this.#server.on('drop', () => options.onLimit('connections'));
    this.#server.on('connection', (socket: Socket) => this.#sockets.add(socket));
    this.#server.on(options.certificates ? 'secureConnection' : 'connection', (socket: Socket) => {
      // One listener per pipelined request.
      socket.setMaxListeners(0);
      this.#busy.set(socket, new Set());
      socket.once('close', () => this.#busy.delete(socket));
    });
    this.#server.on('request', (message, response) => this.#serve(message, response));
    this.#server.on('checkContinue', (message, response) =>
      this.#serve(message, response, { awaitsContinue: true }),
    );
    const { upgrades } = options;
    if (upgrades)
      this.#server.on('upgrade', (message, socket, head) => this.#upgrade(upgrades, message, socket, head));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#refuse(error, socket));
    this.#server.on('tlsClientError', (error) => options.log.debug({ err: error }, 'a TLS handshake failed'));
  }

  listen(host: string, port: number): Promise<number> {
    return openPort(this.#server, host, port, (error) =>
      this.#options.log.error({ err: error }, 'the HTTP listener failed'),
    );
  }

  close(drainMs: number): Promise<void> {
    this.#closed ??= this.#close(drainMs);
    return this.#closed;
  }

  async #close(drainMs: number): Promise<void> {
    this.#forget?.();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const [socket, exchanges] of this.#busy) if (exchanges.size === 0) socket.destroy();
    await this.#inFlight.none(drainMs);
    this.#sockets.destroy();
    await closed;
  }

  #serve(
    message: IncomingMessage,
    response: ServerResponse,
    { awaitsContinue = false, handler = this.#options.handler } = {},
  ): void {
    const { socket } = message;
    const exchange = new NodeExchange(message, response, this.#options, {
      closing: () => this.#closed !== undefined,
      awaitsContinue,
    });
    this.#inFlight.enter();
    const exchanges = this.#busy.get(socket);
    exchanges?.add(exchange);
    void runExchange(handler, exchange, this.#options.log).finally(() => {
      exchanges?.delete(exchange);
      if (this.#closed && exchanges?.size === 0) socket.destroySoon();
      this.#inFlight.leave();
    });
  }

  #upgrade(upgrades: Upgrades, message: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { limits } = this.#options;
    const asked = message.headers.upgrade?.toLowerCase() === upgrades.protocol;
    const refusal = asked ? upgrades.refuse(message.url!.split('?', 1)[0]!, message.headers) : undefined;
    if (asked && !refusal && !headOf(message, limits, () => {}).fault) {
      this.#busy.delete(socket);
      this.#inFlight.enter();
      socket.once('close', () => this.#inFlight.leave());
      upgrades.take(message, socket, head);
      return;
    }
    const refuse: HttpHandler = async (_, response) => {
      await response.send(faultReply(refusal));
    };
    this.#serve(message, detachedResponse(message, socket), refusal && { handler: refuse });
  }

  /** Answers what the parser could not read. In the middle of another answer only the connection can be ended. */
  #refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (error.code === 'HPE_HEADER_OVERFLOW') this.#options.onLimit('headerBytes');
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') this.#options.onLimit('headerMs');
    const [exchange, ...others] = this.#busy.get(socket) ?? [];
    // The end of the connection in the middle of a body is reported as a parser's error too.
    const malformed = error.code?.startsWith('HPE_') && error.code !== 'HPE_INVALID_EOF_STATE';
    if (malformed && exchange && others.length === 0 && exchange.breakBody(error.code!)) return;
    if (!socket.writable || exchange) {
      socket.destroy();
      return;
    }
    const line = PARSER_ERRORS[error.code ?? ''] ?? '400 Bad Request';
    const body = `{"detail":"${line.slice(4)}"}`;
    socket.end(
      `HTTP/1.1 ${line}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      () => socket.destroy(),
    );
  }
}

/** The response to a request on a connection that `node:http` has let go of, which ends with it. */
function detachedResponse(message: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(message);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  socket.on('drain', () => response.emit('drain'));
  socket.on('error', () => socket.destroy());
  response.once('finish', () => (socket as Socket).destroySoon());
  return response;
}

const PARSER_ERRORS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

function makeServer({ limits, certificates }: HttpServerOptions): Server {
  const common = {
    // Our own check of the headers has a better answer; this one stops what goes on for ever.
    maxHeaderSize: 2 * limits.headerBytes + 2 * MOST_TARGET_CHARACTERS,
    headersTimeout: limits.headerMs,
    connectionsCheckingInterval: Math.min(limits.headerMs / 2, 5000),
    // Bodies are timed by their rate.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveMs,
    noDelay: true,
  };
  if (!certificates) return createServer(common);
  return createTlsServer({
    ...common,
    ...serverTlsOptions(certificates.current),
    handshakeTimeout: limits.headerMs,
  });
}
