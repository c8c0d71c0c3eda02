import { ClipError } from '../../errors.ts';

/** What to throw for an aborted signal: its reason where that is typed, else `cancelled`. */
export function abortError(signal: AbortSignal): ClipError {
  if (signal.reason instanceof ClipError) return signal.reason;
  return new ClipError('cancelled', 'The URI was no longer wanted before it was loaded.');
}

/**
 * Runs `work` for at most `ms`. It ends with `late()` when the time is up and with the signal's reason when that is
 * aborted, whether or not `work` heeds the signal that it is given.
 */
export async function bounded<T>(
  ms: number,
  signal: AbortSignal,
  late: () => ClipError,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal.aborted) throw abortError(signal);
  const controller = new AbortController();
  const cancel = () => controller.abort(abortError(signal));
  const timer = setTimeout(() => controller.abort(late()), ms);
  signal.addEventListener('abort', cancel, { once: true });
  const ended = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
  });
  try {
    return await Promise.race([work(controller.signal), ended]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
  }
}
