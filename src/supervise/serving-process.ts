import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { LostCause } from '../engine/engine.ts';
import { type FromServing, GPU_LOST, type Task, type ToServing } from './messages.ts';

/** How a serving process ended. */
export interface Ending {
  /** Undefined where a signal ended it, or it never began. */
  readonly code?: number;
  /** A clause. */
  readonly words: string;
  readonly cause: LostCause | 'crashed' | 'failed';
}

type LastWords = Exclude<FromServing, 'serves'>;

export interface ServingProcess {
  /** Never rejects. */
  readonly ended: Promise<Ending>;
  stop(): void;
  reload(): void;
  /** Ends it at once. */
  kill(): void;
}

export interface ServingOptions {
  /** What the process runs: it takes a `Task`. */
  readonly file: URL;
  /** Of Node.js. */
  readonly flags: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** Called once the process takes requests. */
  readonly onServes: () => void;
}

/**
 * Starts a process that serves, with this one's standard output and error. It leads a group of its own, so that a terminal's
 * Ctrl-C reaches the supervisor alone, which hands it on once; it notices by its channel when the supervisor is gone.
 */
export function startServing(
  task: Task,
  { file, flags, environment, onServes }: ServingOptions,
): ServingProcess {
  const child = fork(file, {
    execArgv: [...flags],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
    detached: true,
    env: environment,
  });
  let last: LastWords | undefined;
  child.on('message', (said: FromServing) => {
    if (said === 'serves') onServes();
    else last = said;
  });
  const ended = new Promise<Ending>((resolve) => {
    child.once('error', (error) => resolve({ words: `did not start: ${error.message}`, cause: 'failed' }));
    // Its last words may arrive after its end.
    const heard = once(child, 'disconnect');
    child.once('exit', (code, signal) => heard.then(() => resolve(endingOf(code, signal, last))));
  });
  // A process that is just ending doesn't hear what it is told: its end is heard instead.
  const tell = (words: ToServing) => void (child.connected && child.send(words, () => {}));
  tell(task);
  return {
    ended,
    stop: () => tell('stop'),
    reload: () => tell('reload'),
    kill: () => void child.kill('SIGKILL'),
  };
}

function endingOf(code: number | null, signal: NodeJS.Signals | null, last?: LastWords): Ending {
  if (code === null) return { words: `was ended by ${signal}`, cause: 'crashed' };
  const why = last ? `: ${last.why}` : '';
  if (code === GPU_LOST) return { code, words: `lost its GPU${why}`, cause: last?.lost ?? 'sticky' };
  return { code, words: `ended with code ${code}${why}`, cause: 'failed' };
}
