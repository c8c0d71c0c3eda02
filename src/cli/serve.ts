import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { type Config, ConfigError } from '../config/config.ts';
import { readConfig } from '../config/read.ts';
import { startServer } from '../main.ts';
import { loadAddon } from '../native/addon.ts';
import { createLog } from '../observe/log.ts';
import { banner } from './banner.ts';
import { writeEndpoints } from './endpoints.ts';
import { version } from './help.ts';
import { createProgress } from './progress.ts';

/** ms that a start has to end in order once it is asked to. */
const STOP_MS = 1000;

/** `clip-server [FLOW]`: serves until a signal, then drains. Resolves to the exit code. */
export async function serve(args: string[]): Promise<number> {
  const stop = onSignals();
  const config = await configFrom(args, stop.signal);
  refuseFallback(config);
  Object.assign(process.env, config.environment);
  const log = createLog(config.log, config.name);
  for (const warning of config.warnings) log.warn(warning);
  for (const notice of notices(config)) log.info(notice);
  const progress = createProgress({ line: (line) => log.info(line) });
  const hooks = { log, progress: progress.show, signal: stop.signal, version: version() };
  const starting = startServer(config, hooks).finally(progress.close);
  const server = await Promise.race([starting, stop.asked.then(() => undefined)]);
  if (server === undefined) {
    // Nothing is in flight yet: a start that does not end by itself is left where it is.
    await Promise.race([starting.catch(() => undefined), wait(STOP_MS)]);
    return 0;
  }
  await writeEndpoints(config.gateway.endpointsFile, server.endpoints, log);
  process.stdout.write(banner(config, server, process.stdout.isTTY === true));
  // Elsewhere the signal keeps its meaning: the terminal is gone.
  if (config.gateway.tls) process.on('SIGHUP', () => void server.reloadCertificates());
  await stop.asked;
  log.info(`stopping: what is in flight has ${config.limits.drainMs / 1000} s`);
  await server.close();
  return 0;
}

async function configFrom(args: string[], signal: AbortSignal): Promise<Config> {
  const stdin = args.includes('-i') || args.includes('-');
  const [argument, ...rest] = args.filter((arg) => arg !== '-i' && arg !== '-');
  const unknown = [argument, ...rest].find((arg) => arg?.startsWith('-'));
  if (unknown !== undefined)
    throw new ConfigError(`unknown option ${unknown}; clip-server --help lists them`);
  if (rest.length > 0) throw new ConfigError(`expected one flow, got ${rest.length + 1}: ${args.join(' ')}`);
  return readConfig(stdin ? { stdin: await text(process.stdin) } : { argument }, process.env, { signal });
}

/** @throws ConfigError where the flow asks for TensorRT alone */
function refuseFallback({ origin, executor }: Config): void {
  if (executor.runtime === 'tensorrt' && !executor.fallback)
    throw new ConfigError(
      `${origin}: fallback: false asks for TensorRT alone, and this version has no TensorRT engine; without the key ONNX Runtime serves the flow`,
    );
}

/** What a flow for another runtime has to know about this one. */
function notices({ executor }: Config): string[] {
  if (executor.runtime === 'torch')
    return ['a torch flow: ONNX Runtime serves it, with the ONNX files of the same model'];
  if (executor.runtime === 'tensorrt')
    return ['a TensorRT flow: this version has no TensorRT, so ONNX Runtime serves it'];
  return [];
}

/** The first signal asks for the end; the second one doesn't wait for it. */
function onSignals(): { signal: AbortSignal; asked: Promise<void> } {
  const stop = new AbortController();
  const asked = new Promise<void>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const)
      process.on(name, () => {
        if (stop.signal.aborted) loadAddon().exitNow(1);
        stop.abort(new Error(`stopped by ${name}`));
        resolve();
      });
  });
  return { signal: stop.signal, asked };
}
