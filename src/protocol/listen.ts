import type { Protocol } from '../config/config.ts';
import { Certificates } from './certificates.ts';
import { startGrpc } from './grpc/start.ts';
import { startMetricsListener } from './http/metrics-listener.ts';
import { startHttp } from './http/start.ts';
import type { ListenerSite, Site, StartedListener } from './site.ts';
import { startWebSocket } from './websocket/start.ts';

export interface Sockets {
  readonly endpoints: readonly StartedListener[];
  readonly metricsPorts: readonly number[];
  /** Looks for replaced certificates now, not at the next poll. Never rejects. */
  reloadCertificates(): Promise<void>;
  /** Stops accepting, finishes what is in flight, ends the rest after `drainMs`. Idempotent. */
  close(drainMs: number): Promise<void>;
}

const START: Readonly<Record<Protocol, (site: ListenerSite) => Promise<StartedListener>>> = {
  grpc: startGrpc,
  http: startHttp,
  websocket: startWebSocket,
};

/**
 * Opens every port of the configuration, or none.
 *
 * @throws Error of a port or a certificate
 */
export async function listen(site: Site): Promise<Sockets> {
  const { gateway, executor, limits } = site.config;
  const endpoints: StartedListener[] = [];
  const metrics: Awaited<ReturnType<typeof startMetricsListener>>[] = [];
  if (gateway.apiKeys.length > 0)
    site.log.info(`requests must bring one of ${gateway.apiKeys.length} API keys`);
  const certificates = gateway.tls && (await Certificates.open(gateway.tls, site));
  const close = async (drainMs: number) => {
    certificates?.close();
    await Promise.all([...endpoints, ...metrics].map((listener) => listener.close(drainMs)));
  };
  try {
    for (const listener of gateway.listeners)
      endpoints.push(await START[listener.protocol]({ ...site, listener, certificates }));
    const { host, metricsPort: port } = gateway;
    if (port !== undefined) metrics.push(await startMetricsListener({ ...site, host, port, pod: 'gateway' }));
    const { metricsPort: own } = executor;
    if (own !== undefined)
      metrics.push(await startMetricsListener({ ...site, host, port: own, pod: 'executor' }));
  } catch (error) {
    await close(limits.drainMs);
    throw error;
  }
  return {
    endpoints,
    metricsPorts: metrics.map(({ port }) => port),
    reloadCertificates: async () => await certificates?.reload(),
    close,
  };
}
