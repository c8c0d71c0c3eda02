import { ClipError } from './errors.ts';

/**
 * The promise's end, or the signal's, whichever comes first; nothing is left behind on the signal. What the promise stands
 * for goes on.
 *
 * @throws ClipError the signal's own reason where that is one, else cancelled
 */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(ClipError.aborted(signal));
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
