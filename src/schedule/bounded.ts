import { ClipError } from '../errors.ts';
import type { Clock } from './clock.ts';

export interface Bound {
  readonly ms: number;
  /** Message of the engine_timeout. */
  readonly sentence: string;
  readonly clock: Clock;
  /** Ends the wait as well. */
  readonly parent: AbortSignal;
}

/** What `work` gives, or an error once the time is over; `work` learns of it by its signal, and is not waited for. */
export async function bounded<T>(
  { ms, sentence, clock, parent }: Bound,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const bound = new AbortController();
  const close = () => bound.abort(ClipError.aborted(parent));
  const stopTimer = clock.after(ms, () => bound.abort(new ClipError('engine_timeout', sentence)));
  parent.addEventListener('abort', close, { once: true });
  try {
    return await new Promise<T>((resolve, reject) => {
      bound.signal.addEventListener('abort', () => reject(bound.signal.reason), { once: true });
      if (parent.aborted) close();
      else work(bound.signal).then(resolve, reject);
    });
  } finally {
    stopTimer();
    parent.removeEventListener('abort', close);
  }
}
