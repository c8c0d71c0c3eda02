import { type ChildProcess, fork } from 'node:child_process';
import { onAbort } from './abort.ts';

export interface ChildOptions {
  readonly signal: AbortSignal;
  /** ms that it gets. */
  readonly limitMs: number;
  /** What the process runs: it answers by `answerParent`. */
  readonly file: URL;
  /** In place of this process's. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** What stands in for an answer where the process had none: how it ended, as a clause. */
export interface ChildFailure {
  readonly failure: string;
  /** By which the process was ended from outside, or ended itself; absent where its time was up. */
  readonly endedBy?: NodeJS.Signals;
}

/** Kept of what the process writes to its error output. */
const TAIL_CHARACTERS = 500;

const FROM_SOURCE = import.meta.url.endsWith('.ts');

/** The module that stands beside the one of this address: `child`, without its ending. */
export function moduleBeside(address: string, name: string): URL {
  return new URL(`./${name}${FROM_SOURCE ? '.ts' : '.js'}`, address);
}

/**
 * Gives the task to a process of its own, which may fall over and is gone when this settles. `hear` takes what it says, and
 * returns the answer once it is that.
 * @throws the signal's reason
 */
export async function askChild<Said, Answer extends object>(
  task: object,
  { signal, limitMs, file, environment }: ChildOptions,
  hear: (said: Said) => Answer | undefined,
): Promise<Answer | ChildFailure> {
  signal.throwIfAborted();
  const child = fork(file, {
    execArgv: FROM_SOURCE ? ['--import', import.meta.resolve('tsx')] : [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
    env: environment ?? process.env,
  });
  const ended = endOf(child);
  let last: Answer | ChildFailure | undefined;
  const finish = (outcome?: Answer | ChildFailure) => {
    last ??= outcome;
    child.kill('SIGKILL');
  };
  child.on('message', (said: Said) => {
    const answer = hear(said);
    if (answer) finish(answer);
  });
  const late = { failure: `it took longer than ${limitMs / 1000} s` };
  const timer = setTimeout(() => finish(late), limitMs);
  const leave = onAbort(signal, () => finish());
  child.send(task, (error) => error && finish());
  const end = await ended;
  clearTimeout(timer);
  leave();
  signal.throwIfAborted();
  return last ?? end;
}

/** The process's end of the wire: takes one task, and may say any number of things until whoever asked ends it. */
export function answerParent<Task, Said>(work: (task: Task, say: (said: Said) => void) => void): void {
  // Whoever asked ends this process; a terminal's Ctrl-C reaches both, and must not look like a fault.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => {});
  // Nobody is left to tell, and what hangs in native code would not be waited for in vain.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.once('message', (task: Task) => work(task, (said) => void process.send!(said)));
}

/** How the process ended. Never rejects. */
function endOf(child: ChildProcess): Promise<ChildFailure> {
  let tail = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-TAIL_CHARACTERS);
  });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ failure: `its process: ${error.message}` }));
    child.once('close', (code, signal) => {
      const words = tail.trim();
      const failure = `its process ended with ${signal ?? `code ${code}`}${words && `: ${words}`}`;
      resolve({ failure, ...(signal && { endedBy: signal }) });
    });
  });
}
