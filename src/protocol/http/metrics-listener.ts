import { DEFAULT_LIMITS } from '../../config/limits.ts';
import type { Pod } from '../../observe/jina-families.ts';
import type { Logger } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { countLimit } from '../limit.ts';
import { bytesReply, jsonReply } from './fault.ts';
import { NodeHttpServer } from './node.ts';

/** Scrapers are few; anything beyond this is not one. */
const CONNECTIONS = 64;
const KEEP_ALIVE_MS = 65_000;

/**
 * A listener of its own for `port_monitoring`: the metrics on any path, as the reference's exporter gives them.
 *
 * @throws Error where the port cannot be used
 */
export async function startMetricsListener(options: {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Of the reference's metrics, those of this pod alone, as each of its pods serves its own. */
  readonly pod: Pod;
  readonly metrics: Metrics;
  readonly log: Logger;
}): Promise<{ readonly port: number; close(drainMs: number): Promise<void> }> {
  const { host, port, pod, metrics, log } = options;
  const { headerBytes, headerMs, bodyMs, sendMs } = DEFAULT_LIMITS;
  const server = new NodeHttpServer({
    handler: async (request, response) => {
      const readable = !request.fault && ['GET', 'HEAD'].includes(request.method);
      if (readable) {
        const { contentType, body } = await metrics.page(request.headers.get('accept'), pod);
        await response.send(bytesReply(200, contentType, Buffer.from(body)));
        return;
      }
      const detail = request.fault?.message ?? 'Method Not Allowed';
      await response.send(jsonReply(request.fault?.kind.http ?? 405, { detail }));
    },
    limits: { connections: CONNECTIONS, headerBytes, headerMs, bodyMs, sendMs, keepAliveMs: KEEP_ALIVE_MS },
    log,
    onConnections: (change) => metrics.connections.inc({ protocol: 'metrics' }, change),
    onLimit: (limit) => countLimit(metrics, limit),
  });
  return { port: await server.listen(host, port), close: (drainMs) => server.close(drainMs) };
}
