import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { ClipError } from '../../errors.ts';
import { keyCheck, keyOfSubprotocols } from '../api-keys.ts';
import { NodeHttpServer, type Upgrades } from '../http/node.ts';
import { createRouter } from '../http/router.ts';
import { createProbeRoutes } from '../http/routes.ts';
import { serverOptions } from '../http/start.ts';
import type { ListenerSite, Site, StartedListener } from '../site.ts';
import { bytesFormat } from './bytes.ts';
import { Connection } from './connection.ts';
import type { Format } from './format.ts';
import { jsonFormat } from './json.ts';
import { slowMasking } from './masking.ts';
import { kindOf, serveDryRun, serveRequests } from './session.ts';

const PATHS = ['/', '/dry_run'];

/**
 * The WebSocket protocol on one listener of the configuration, with the probes of HTTP on the same port.
 *
 * `ws`, and not uWebSockets.js: that has no way to stop reading from a WebSocket, so a client that sends faster than it
 * is served could not be slowed.
 *
 * @throws Error where the port cannot be used
 */
export async function startWebSocket({
  listener,
  certificates,
  ...given
}: ListenerSite): Promise<StartedListener> {
  let closing = false;
  const health: Site['health'] = {
    ready: () =>
      closing ? { ready: false, reasons: ['the server is shutting down'] } : given.health.ready(),
  };
  const site = { ...given, health };
  const { gateway } = site.config;
  const slow = slowMasking();
  if (slow) site.log.warn(`WebSocket messages are unmasked in JavaScript, which is slow: ${slow}`);
  const connections = new Set<Connection>();
  const server = new NodeHttpServer({
    handler: createRouter(site, createProbeRoutes(site)),
    certificates,
    ...serverOptions(site, 'websocket'),
    upgrades: webSockets(site, connections, () => closing),
  });
  const port = await server.listen(gateway.host, listener.port);
  return {
    protocol: 'websocket',
    address: { host: gateway.host, port, secure: certificates !== undefined },
    implementation: 'ws',
    close: (drainMs) => {
      closing = true;
      for (const connection of connections) connection.stop();
      return server.close(drainMs);
    },
  };
}

function webSockets(site: Site, connections: Set<Connection>, isClosing: () => boolean): Upgrades {
  const formats: Readonly<Record<Format['name'], Format>> = {
    bytes: bytesFormat(site.config.limits),
    json: jsonFormat(site.config.limits),
  };
  const unfinished = { bytes: 0 };
  const checkKey = keyCheck(site.config.gateway);
  const server = createServer(site);
  const accept = (socket: WebSocket, transport: Socket, path: string): void => {
    const format = formats[socket.protocol === 'bytes' ? 'bytes' : 'json'];
    const data = path === '/';
    const connection = new Connection(socket, transport, {
      site,
      binary: format.binary,
      kindOf: data ? kindOf(format) : () => 'request',
      unfinished,
    });
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
    void (data ? serveRequests : serveDryRun)(site, connection, format);
  };
  return {
    protocol: 'websocket',
    refuse: (path, headers) => {
      if (!PATHS.includes(path))
        return new ClipError('not_found', `expected / or /dry_run for a WebSocket, got ${path}`);
      const key = headers.authorization ?? keyOfSubprotocols(headers['sec-websocket-protocol']);
      const refusal = path === '/' ? checkKey(key) : undefined;
      if (refusal) return refusal;
      if (isClosing()) return new ClipError('draining', 'the server takes no new connections');
      const { ready, reasons } = site.health.ready();
      return ready || path !== '/' ? undefined : new ClipError('not_ready', reasons.join('; '));
    },
    take: (message: IncomingMessage, transport: Duplex, head: Buffer) => {
      const path = message.url!.split('?', 1)[0]!;
      server.handleUpgrade(message, transport, head, (socket) => accept(socket, transport as Socket, path));
    },
  };
}

function createServer({ config }: Site): WebSocketServer {
  const { requestBytes, messageFragments, sendMs } = config.limits;
  // The types lack closeTimeout.
  const options: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    autoPong: false,
    maxPayload: requestBytes,
    maxFragments: messageFragments,
    // Pieces as small as a slow network may cut a message into.
    maxBufferedChunks: Math.ceil(requestBytes / 1024) + 1024,
    closeTimeout: sendMs,
    handleProtocols: (names) => [...names].find((name) => name === 'bytes' || name === 'json') ?? false,
    // The server keeps no window per connection, and compresses a few messages at a time.
    perMessageDeflate: config.gateway.messageDeflate && {
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      threshold: 1024,
      concurrencyLimit: 2,
    },
  };
  return new WebSocketServer(options);
}
