import { type ChildProcess, fork } from 'node:child_process';
import { onAbort } from '../../abort.ts';
import type { OnProgress } from '../../model/progress.ts';
import type { Report } from './messages.ts';
import type { Task } from './work.ts';

export interface ProcessOptions {
  readonly signal: AbortSignal;
  /** ms that it gets. */
  readonly limitMs: number;
  readonly onProgress: OnProgress;
  /** What the process runs: it takes a `Task` and says `Report`s. */
  readonly file?: URL;
}

/** A process's last word, or how it ended without one. */
export type Outcome = Exclude<Report, { progress: unknown }>;

/** Kept of what the process writes to its error output. */
const TAIL_CHARACTERS = 500;

/**
 * Settles one tower in a process of its own, which is gone when this settles.
 * @throws the signal's reason
 */
export async function settleInProcess(task: Task, options: ProcessOptions): Promise<Outcome> {
  const { signal, limitMs, onProgress, file = childFile() } = options;
  signal.throwIfAborted();
  const child = fork(file, {
    execArgv: FROM_SOURCE ? ['--import', import.meta.resolve('tsx')] : [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  const ended = endOf(child);
  let last: Outcome | undefined;
  const finish = (outcome?: Outcome) => {
    last ??= outcome;
    child.kill('SIGKILL');
  };
  child.on('message', (report: Report) =>
    'progress' in report ? onProgress(report.progress) : finish(report),
  );
  const late = { failure: `it took longer than ${limitMs / 1000} s` };
  const timer = setTimeout(() => finish(late), limitMs);
  const leave = onAbort(signal, () => finish());
  child.send(task, (error) => error && finish());
  const words = await ended;
  clearTimeout(timer);
  leave();
  signal.throwIfAborted();
  return last ?? { failure: words };
}

/** How the process ended, in words. Never rejects. */
function endOf(child: ChildProcess): Promise<string> {
  let tail = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-TAIL_CHARACTERS);
  });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`its process: ${error.message}`));
    child.once('close', (code, signal) => {
      const words = tail.trim();
      resolve(`its process ended with ${signal ?? `code ${code}`}${words && `: ${words}`}`);
    });
  });
}

const FROM_SOURCE = import.meta.url.endsWith('.ts');

function childFile(): URL {
  return new URL(FROM_SOURCE ? './child.ts' : './child.js', import.meta.url);
}
