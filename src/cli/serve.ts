import { text } from 'node:stream/consumers';
import { type Config, ConfigError } from '../config/config.ts';
import { readConfig } from '../config/read.ts';
import { type Server, startServer } from '../main.ts';
import { createLog, type Logger } from '../observe/log.ts';
import { banner } from './banner.ts';
import { version } from './help.ts';
import { createProgress } from './progress.ts';

/** `clip-server [FLOW]`: serves until a signal, then drains. Resolves to the exit code. */
export async function serve(args: string[]): Promise<number> {
  const stop = onSignals();
  const config = await configFrom(args, stop.signal);
  Object.assign(process.env, config.environment);
  const log = createLog(config.log);
  for (const warning of config.warnings) log.warn(warning);
  for (const notice of notices(config)) log.info(notice);
  const progress = createProgress({ line: (line) => log.info(line) });
  let server: Server;
  try {
    server = await startServer(config, { log, progress: progress.show, signal: stop.signal, version: version() });
  } catch (error) {
    if (stop.signal.aborted) return 0;
    throw error;
  } finally {
    progress.close();
  }
  process.stdout.write(banner(config, server, process.stdout.isTTY === true));
  await stop.asked;
  await drain(server, config, log);
  return 0;
}

async function configFrom(args: string[], signal: AbortSignal): Promise<Config> {
  const stdin = args.includes('-i') || args.includes('-');
  const [argument, ...rest] = args.filter((arg) => arg !== '-i' && arg !== '-');
  const unknown = [argument, ...rest].find((arg) => arg?.startsWith('-'));
  if (unknown !== undefined) throw new ConfigError(`unknown option ${unknown}; clip-server --help lists them`);
  if (rest.length > 0) throw new ConfigError(`expected one flow, got ${rest.length + 1}: ${args.join(' ')}`);
  return readConfig(stdin ? { stdin: await text(process.stdin) } : { argument }, process.env, { signal });
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
        if (stop.signal.aborted) process.kill(process.pid, 'SIGKILL');
        stop.abort(new Error(`stopped by ${name}`));
        resolve();
      });
  });
  return { signal: stop.signal, asked };
}

async function drain(server: Server, config: Config, log: Logger): Promise<void> {
  log.info(`stopping: what is in flight has ${config.limits.drainMs / 1000} s`);
  await server.close();
  if (server.computing() === 0) return;
  log.error('an engine still hangs; the process ends without it');
  process.kill(process.pid, 'SIGKILL');
}
