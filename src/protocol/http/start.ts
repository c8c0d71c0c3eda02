import type { Protocol } from '../../config/config.ts';
import { countLimit } from '../limit.ts';
import type { ListenerSite, Site, StartedListener } from '../site.ts';
import { chooseServer } from './choose.ts';
import { createRouter } from './router.ts';
import { createRoutes } from './routes.ts';
import type { HttpServerOptions } from './server.ts';

/**
 * The HTTP protocol on one listener of the configuration.
 *
 * @throws Error where the chosen server or the port cannot be used
 */
export async function startHttp({ listener, certificates, ...site }: ListenerSite): Promise<StartedListener> {
  const { gateway } = site.config;
  let closing = false;
  const health: Site['health'] = {
    ready: () => (closing ? { ready: false, reasons: ['the server is shutting down'] } : site.health.ready()),
  };
  const open = { ...site, health };
  const handler = createRouter(open, createRoutes(open));
  const options = { handler, certificates, ...serverOptions(site, 'http') };
  const server = await chooseServer(gateway.httpServer, options);
  if (gateway.cors) site.log.warn('CORS is on: pages of any origin may call this server');
  const port = await server.listen(gateway.host, listener.port);
  return {
    protocol: 'http',
    address: { host: gateway.host, port, secure: certificates !== undefined },
    implementation: server.implementation,
    close: (drainMs) => {
      closing = true;
      return server.close(drainMs);
    },
  };
}

/** What the configuration says of a server whose connections are counted under this protocol. */
export function serverOptions(
  { config, metrics, log }: Site,
  protocol: Protocol,
): Omit<HttpServerOptions, 'handler' | 'certificates'> {
  const { connections, headerBytes, headerMs, bodyMs, sendMs } = config.limits;
  const keepAliveMs = config.gateway.keepAliveTimeoutMs;
  return {
    limits: { connections, headerBytes, headerMs, bodyMs, sendMs, keepAliveMs },
    log,
    onConnections: (change) => metrics.connections.inc({ protocol }, change),
    onLimit: (limit) => countLimit(metrics, limit),
  };
}
