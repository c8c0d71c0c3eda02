import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { moduleBeside } from '../child.ts';
import type { Config } from '../config/config.ts';
import { type FoundTensorRt, withLibraries } from '../host/verdict.ts';
import type { Logger } from '../observe/log.ts';
import { type ServingProcess, startServing } from '../supervise/serving-process.ts';
import { supervise } from '../supervise/supervisor.ts';

/** ms that a serving process gets to end beyond those in which it drains. */
const BEYOND_DRAIN_MS = 10_000;

/** Serves in a process of its own, which sees TensorRT's folder first, and is started anew when it loses its GPU or crashes. */
export async function superviseServing(
  given: Config,
  tensorrt: FoundTensorRt,
  log: Logger,
  signal: AbortSignal,
): Promise<number> {
  const environment = withLibraries(process.env, tensorrt);
  const config = await withPorts(given);
  let serving: ServingProcess | undefined;
  // Elsewhere the signal keeps its meaning: the terminal is gone.
  if (config.gateway.tls) process.on('SIGHUP', () => serving?.reload());
  return supervise({
    start: (restarts, onServes) => {
      const task = { config, tensorrt, restarts };
      const file = moduleBeside(import.meta.url, 'serving');
      serving = startServing(task, { file, flags: process.execArgv, environment, onServes });
      return serving;
    },
    signal,
    stopMs: config.limits.drainMs + BEYOND_DRAIN_MS,
    log,
  });
}

/** Ports for those that the system may choose: one that follows a serving process has to be found where that was. */
async function withPorts(config: Config): Promise<Config> {
  const { gateway, executor } = config;
  const wanted = [gateway.metricsPort, executor.metricsPort, ...gateway.listeners.map(({ port }) => port)];
  const probes = await Promise.all(wanted.map((port) => (port === 0 ? openProbe(gateway.host) : undefined)));
  const [metrics, executorMetrics, ...ports] = probes.map(
    (probe, at) => (probe?.address() as AddressInfo | undefined)?.port ?? wanted[at],
  );
  await Promise.all(probes.map(async (probe) => probe && once(probe.close(), 'close')));
  const listeners = gateway.listeners.map((listener, at) => ({ ...listener, port: ports[at]! }));
  return {
    ...config,
    gateway: { ...gateway, listeners, metricsPort: metrics },
    executor: { ...executor, metricsPort: executorMetrics },
  };
}

/** On a port that the system chose, for a moment. */
async function openProbe(host: string): Promise<Server> {
  const probe = createServer().listen({ host, port: 0 });
  await once(probe, 'listening');
  return probe;
}
