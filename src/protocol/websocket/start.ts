import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { ClipError } from '../../errors.ts';
import { NodeHttpServer, type Upgrades } from '../http/node.ts';
import { createRouter } from '../http/router.ts';
import { createProbeRoutes } from '../http/routes.ts';
import { serverOptions } from '../http/start.ts';
import type { ListenerSite, Site, StartedListener } from '../site.ts';
import { Connection, serveDryRun } from './connection.ts';
import { SUB_PROTOCOLS, subProtocol } from './sub-protocol.ts';

/** Messages below this gain nothing from compression. */
const DEFLATE_FROM_BYTES = 1024;

/**
 * The WebSocket protocol on one listener of the configuration, with probes over HTTP on the same port.
 *
 * On `ws` and not on uWebSockets.js, which has no way to stop reading a WebSocket: a client that sends faster than is
 * worked on could only be cut off, not slowed.
 *
 * @throws Error where the port cannot be used
 */
export async function startWebSocket(given: ListenerSite): Promise<StartedListener> {
  const { listener, certificates, ...site } = given;
  const { gateway } = site.config;
  const connections = new Set<Connection>();
  let closing = false;
  const ready = () =>
    closing ? { ready: false, reasons: ['the server is shutting down'] } : site.health.ready();
  const open: Site = { ...site, health: { ready } };
  const server = new NodeHttpServer({
    ...serverOptions(site, 'websocket'),
    handler: createRouter(open, createProbeRoutes(open)),
    certificates,
    upgrades: upgradesOf(open, () => closing, connections),
  });
  const port = await server.listen(gateway.host, listener.port);
  return {
    protocol: 'websocket',
    address: { host: gateway.host, port, secure: certificates !== undefined },
    implementation: 'ws',
    close: (drainMs) => {
      closing = true;
      for (const connection of connections) connection.goAway();
      return server.close(drainMs);
    },
  };
}

function upgradesOf(site: Site, closing: () => boolean, connections: Set<Connection>): Upgrades {
  const sockets = createSockets(site);
  const serve = (socket: WebSocket, path: string) => {
    if (path === '/dry_run') {
      serveDryRun(site, socket);
      return;
    }
    const name = SUB_PROTOCOLS.find((each) => each === socket.protocol) ?? SUB_PROTOCOLS[0];
    const connection = new Connection(site, socket, subProtocol(name, site.config.limits));
    connections.add(connection);
    if (closing()) connection.goAway();
    void connection.serve().finally(() => connections.delete(connection));
  };
  return {
    protocol: 'websocket',
    refuse: (path) => refusalOf(site, path, closing()),
    take: (message: IncomingMessage, socket: Duplex, head: Buffer) => {
      const path = message.url!.split('?', 1)[0]!;
      sockets.handleUpgrade(message, socket, head, (webSocket) => serve(webSocket, path));
    },
  };
}

function refusalOf(site: Site, path: string, closing: boolean): ClipError | undefined {
  if (path === '/dry_run' && site.config.gateway.debugEndpoints) return undefined;
  if (path !== '/')
    return new ClipError('not_found', `expected a WebSocket on / or /dry_run, got one on ${path}`);
  const { ready, reasons } = site.health.ready();
  return ready ? undefined : new ClipError(closing ? 'draining' : 'not_ready', reasons.join('; '));
}

function createSockets({ config }: Site): WebSocketServer {
  const { requestBytes, messageFragments, pongMs } = config.limits;
  // The library's typings lag behind its options.
  const newer = { maxFragments: messageFragments, closeTimeout: pongMs };
  return new WebSocketServer({
    ...newer,
    noServer: true,
    clientTracking: false,
    maxPayload: requestBytes,
    // Browsers want to hear which of the sub-protocols they asked for is spoken.
    handleProtocols: (asked) => SUB_PROTOCOLS.find((name) => asked.has(name)) ?? false,
    perMessageDeflate: config.gateway.messageDeflate && {
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      threshold: DEFLATE_FROM_BYTES,
      concurrencyLimit: 4,
    },
  });
}
