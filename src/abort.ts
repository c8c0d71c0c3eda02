import { ClipError } from './errors.ts';

/** What to do when a signal is aborted. An entry lives as long as someone waits, so that a signal is not kept alive. */
const waiting = new Map<AbortSignal, Set<() => void>>();

/**
 * Calls `act` once when the signal is aborted, or at once where it is. Takes constant time however many wait for the same
 * signal; `addEventListener` walks over all listeners there are.
 *
 * @returns prevents the call; to be called when the wait is over, so that nothing is left behind
 */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  if (signal.aborted) {
    act();
    return () => {};
  }
  // A function of its own for each call: one may wait twice.
  const own = () => act();
  const acts = waiting.get(signal) ?? watch(signal);
  acts.add(own);
  return () => {
    if (acts.delete(own) && acts.size === 0 && waiting.delete(signal))
      signal.removeEventListener('abort', wake);
  };
}

function watch(signal: AbortSignal): Set<() => void> {
  const acts = new Set<() => void>();
  waiting.set(signal, acts);
  signal.addEventListener('abort', wake, { once: true });
  return acts;
}

function wake(event: Event): void {
  // Not currentTarget: Node 20 forgets it after the first listener that is called once.
  const signal = event.target as AbortSignal;
  const acts = waiting.get(signal)!;
  waiting.delete(signal);
  for (const act of acts) act();
}

/**
 * The promise's end, or the signal's, whichever comes first; nothing is left behind on the signal. What the promise stands
 * for goes on.
 *
 * @throws ClipError the signal's own reason where that is one, else cancelled
 */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = onAbort(signal, () => reject(ClipError.aborted(signal)));
    promise.then(
      (value) => {
        leave();
        resolve(value);
      },
      (error) => {
        leave();
        reject(error);
      },
    );
  });
}
