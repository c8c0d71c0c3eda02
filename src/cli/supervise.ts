import { moduleBeside } from '../child.ts';
import type { Config } from '../config/config.ts';
import { type FoundTensorRt, withLibraries } from '../host/verdict.ts';
import type { Logger } from '../observe/log.ts';
import type { OpenPorts } from '../supervise/messages.ts';
import { type ServingProcess, startServing } from '../supervise/serving-process.ts';
import { supervise } from '../supervise/supervisor.ts';

/** ms that a serving process gets to end beyond those in which it drains. */
const BEYOND_DRAIN_MS = 10_000;

/** Serves in a process of its own, which sees TensorRT's folder first, and is started anew when it loses its GPU or crashes. */
export function superviseServing(
  config: Config,
  tensorrt: FoundTensorRt,
  log: Logger,
  signal: AbortSignal,
): Promise<number> {
  const environment = withLibraries(process.env, tensorrt);
  let serving: ServingProcess | undefined;
  // Elsewhere the signal keeps its meaning: the terminal is gone.
  if (config.gateway.tls) process.on('SIGHUP', () => serving?.reload());
  return supervise({
    start: ({ restarts, ports, onServes }) => {
      const task = { config: withPorts(config, ports), tensorrt, restarts };
      const file = moduleBeside(import.meta.url, 'serving');
      serving = startServing(task, { file, flags: process.execArgv, environment, onServes });
      return serving;
    },
    signal,
    stopMs: config.limits.drainMs + BEYOND_DRAIN_MS,
    log,
  });
}

/** Clients know the ports that were open before, which the system may have chosen. */
function withPorts(config: Config, ports: OpenPorts | undefined): Config {
  if (!ports) return config;
  const { gateway, executor } = config;
  const listeners = gateway.listeners.map((listener, at) => ({ ...listener, port: ports.listeners[at]! }));
  const metrics = [...ports.metrics];
  const next = (port: number | undefined) => (port === undefined ? undefined : metrics.shift());
  return {
    ...config,
    gateway: { ...gateway, listeners, metricsPort: next(gateway.metricsPort) },
    executor: { ...executor, metricsPort: next(executor.metricsPort) },
  };
}
