import type { GatewayConfig } from '../../config/config.ts';
import { NodeHttpServer } from './node.ts';
import type { HttpServer, HttpServerOptions } from './server.ts';
import { KEEPS_CERTIFICATE, loadUws, UwsHttpServer, uwsObstacle } from './uws.ts';

/**
 * The server that the configuration asks for. `auto` takes uWebSockets.js where it loads and can keep every setting,
 * else `node:http`, and says why in the log. With TLS that is `node:https`, which can replace its certificate.
 *
 * @throws Error where `uws` is asked for by name and cannot be had
 */
export async function chooseServer(
  choice: GatewayConfig['httpServer'],
  options: HttpServerOptions,
): Promise<HttpServer> {
  if (choice === 'node') return new NodeHttpServer(options);
  try {
    const obstacle = uwsObstacle(options);
    if (obstacle) throw new Error(obstacle);
    if (options.certificates && choice === 'auto') throw new Error(KEEPS_CERTIFICATE);
    if (options.certificates) options.log.warn(`http_server: uws with TLS: ${KEEPS_CERTIFICATE}`);
    return new UwsHttpServer(await loadUws(options.limits.headerBytes), options);
  } catch (error) {
    const reason = (error as Error).message.split('\n').filter(Boolean).join(' ');
    if (choice === 'uws')
      throw new Error(`http_server: uws is asked for, but uWebSockets.js cannot serve here: ${reason}`, {
        cause: error,
      });
    options.log.info(`HTTP is served by node:http, not by uWebSockets.js: ${reason}`);
    return new NodeHttpServer(options);
  }
}
