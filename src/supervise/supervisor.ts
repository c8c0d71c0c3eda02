import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../observe/log.ts';
import { GPU_LOST, type Restarts } from './messages.ts';
import type { Ending, ServingProcess } from './serving-process.ts';

export interface SupervisorOptions {
  /** `onServes` is to be called once the process takes requests. */
  readonly start: (restarts: Restarts, onServes: () => void) => ServingProcess;
  /** Aborted when the server is to end. */
  readonly signal: AbortSignal;
  /** ms that a process gets to end in order. */
  readonly stopMs: number;
  readonly log: Pick<Logger, 'error' | 'warn' | 'info'>;
  readonly time?: Time;
}

/** Time as the supervisor sees it; tests pass their own. */
export interface Time {
  /** Monotonic ms. */
  now(): number;
  /** Resolves after so many ms, or when the signal is aborted. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

const LONGEST_PAUSE_MS = 30_000;
/** A process that has served so long was in order: the next restart comes after 1 s again. */
const PROVED_MS = 60_000;
/** Starts in a row that came to nothing, after which there is no other. */
export const MOST_FAILED_STARTS = 8;

const ADVICE =
  'clip-server doctor looks at the host, and with clip_onnx in place of clip_tensorrt in py_modules ONNX Runtime serves the flow';

const systemTime: Time = {
  now: () => performance.now(),
  pause: (ms, signal) => wait(ms, undefined, { signal }).catch(() => {}),
};

/**
 * Keeps a serving process: one that lost its GPU or crashed is followed by another, after 1, 2, 4 … 30 s. Resolves to the exit
 * code: of the process that was asked to end, or that has never served and ended by itself.
 *
 * @throws Error after too many failed starts, with how the last one ended and how to go on without TensorRT
 */
export async function supervise({ time = systemTime, ...options }: SupervisorOptions): Promise<number> {
  const { start, signal, log } = options;
  const restarts = { sticky: 0, hung: 0, canary: 0, crashed: 0, failed: 0 };
  let [pauses, failedStarts, hasServed] = [0, 0, false];
  for (;;) {
    let servesSince: number | undefined;
    const onServes = () => {
      servesSince = time.now();
      hasServed = true;
      failedStarts = 0;
    };
    const ending = await ended(start({ ...restarts }, onServes), options);
    if (signal.aborted) return ending.code ?? 1;
    if (isFinal(ending, hasServed)) return ending.code!;
    if (servesSince !== undefined && time.now() - servesSince >= PROVED_MS) pauses = 0;
    if (servesSince === undefined && ++failedStarts === MOST_FAILED_STARTS)
      throw new Error(
        `${failedStarts} starts in a row came to nothing; the last serving process ${ending.words}; ${ADVICE}`,
      );
    restarts[ending.cause]++;
    const ms = Math.min(1000 * 2 ** pauses++, LONGEST_PAUSE_MS);
    log.error(
      { cause: ending.cause },
      `the serving process ${ending.words}; another starts in ${ms / 1000} s`,
    );
    await time.pause(ms, signal);
    if (signal.aborted) return 0;
  }
}

/** An end that another start would not better: in order, by a fault of the configuration, or by the first start's own fault. */
function isFinal({ code }: Ending, hasServed: boolean): boolean {
  if (code === undefined || code === GPU_LOST) return false;
  return code === 0 || code === 2 || !hasServed;
}

/** Asks the process to end when the signal says so, and ends one that does not. */
async function ended(serving: ServingProcess, { signal, stopMs, log }: SupervisorOptions): Promise<Ending> {
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    serving.stop();
    timer = setTimeout(() => {
      log.warn(`the serving process did not end within ${stopMs / 1000} s`);
      serving.kill();
    }, stopMs);
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    return await serving.ended;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}
