import { setTimeout as wait } from 'node:timers/promises';
import { onAbort } from '../abort.ts';
import type { Config } from '../config/config.ts';
import type { LostCause } from '../engine/engine.ts';
import { type Hooks, type Server, startServer } from '../main.ts';
import type { Logger } from '../observe/log.ts';
import type { FromServing, Task } from '../supervise/messages.ts';
import { GPU_LOST } from '../supervise/messages.ts';
import { banner } from './banner.ts';
import { writeEndpoints } from './endpoints.ts';
import { version } from './help.ts';
import { createProgress } from './progress.ts';

/** ms that a start has to end in order once it is asked to. */
const STOP_MS = 1000;
/** ms in which a process that lost its GPU answers what it has. */
const LOST_MS = 2000;

export interface ServeOptions extends Pick<Hooks, 'instead'> {
  readonly log: Logger;
  /** Of a process that a supervisor started. */
  readonly supervised?: Pick<Task, 'tensorrt' | 'restarts'> & {
    /** Resolves once the supervisor has it. */
    tell(said: FromServing): Promise<void>;
    /** Calls `act` whenever certificates may have been replaced. */
    onReload(act: () => void): void;
  };
}

/** Serves until the signal is aborted, then drains; or until the GPU is lost. Resolves to the exit code. */
export async function serveUntil(
  stop: AbortSignal,
  config: Config,
  { log, instead, supervised }: ServeOptions,
): Promise<number> {
  const lost = new AbortController();
  let loss: FromServing | undefined;
  const onLost = (cause: LostCause, error: Error) => {
    loss = { lost: cause, why: error.message };
    lost.abort(new Error('the GPU is lost'));
  };
  const signal = AbortSignal.any([stop, lost.signal]);
  const ended = new Promise<void>((resolve) => void onAbort(signal, resolve));
  const progress = createProgress({ line: (line) => log.info(line) });
  const hooks: Hooks = {
    log,
    progress: progress.show,
    signal,
    version: version(),
    ...(instead && { instead }),
    ...(supervised && { gpu: { ...supervised, onLost } }),
  };
  const starting = startServer(config, hooks).finally(progress.close);
  // What a start that is asked to end comes to is of no interest.
  const server = await Promise.race([starting, ended]).catch((error) => {
    if (!signal.aborted) throw error;
  });
  if (server) {
    await announce(server, config, { log, supervised });
    await ended;
  }
  if (loss !== undefined) {
    await Promise.race([server?.close(), wait(LOST_MS)]);
    await supervised?.tell(loss);
    return GPU_LOST;
  }
  if (server) {
    log.info(`stopping: what is in flight has ${config.limits.drainMs / 1000} s`);
    await server.close();
  } else {
    // Nothing is in flight yet: a start that does not end by itself is left where it is.
    await Promise.race([starting.catch(() => undefined), wait(STOP_MS)]);
  }
  return 0;
}

async function announce(server: Server, config: Config, { log, supervised }: ServeOptions): Promise<void> {
  await writeEndpoints(config.gateway.endpointsFile, server.endpoints, log);
  process.stdout.write(banner(config, server, process.stdout.isTTY === true));
  const reload = () => void server.reloadCertificates();
  // Elsewhere the signal keeps its meaning: the terminal is gone.
  if (config.gateway.tls) process.on('SIGHUP', reload);
  supervised?.onReload(reload);
  await supervised?.tell('serves');
}
