import { setTimeout as sleep } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import { ClipError } from '../errors.ts';

export interface LockOptions {
  /** A lock whose holder has not renewed it for so long is taken over; ms, at least 2000. */
  readonly staleMs: number;
  /** ms between two looks at a lock that another process holds. */
  readonly pollMs: number;
  /** ms after which the wait ends with an error. */
  readonly waitMs: number;
}

/**
 * Runs `work` while no other process holds `path`'s lock, a folder `PATH.lock` beside it. While another holds it,
 * `onWait` is called now and then. The signal given
 * to `work` also fires where the lock is lost, which happens to a process that was stopped for longer than `staleMs`.
 */
export async function withLock<T>(
  path: string,
  options: LockOptions,
  signal: AbortSignal,
  onWait: () => void,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lost = new AbortController();
  const deadline = performance.now() + options.waitMs;
  for (;;) {
    signal.throwIfAborted();
    const release = await tryLock(path, options, lost);
    if (release) return work(AbortSignal.any([signal, lost.signal])).finally(() => release());
    onWait();
    if (performance.now() > deadline) {
      throw new ClipError(
        'model_unavailable',
        `${path}: another process has held ${path}.lock for more than ${options.waitMs} ms; end it, or remove the lock`,
      );
    }
    await sleep(options.pollMs, undefined, { signal });
  }
}

/** As `withLock`, but where another process holds the lock nothing is done, and undefined comes back. */
export async function unlessLocked<T>(
  path: string,
  options: Pick<LockOptions, 'staleMs'>,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const release = await tryLock(path, options, new AbortController());
  return release && (await work().finally(() => release()));
}

/** Undefined where another process holds the lock. */
async function tryLock(
  path: string,
  { staleMs }: Pick<LockOptions, 'staleMs'>,
  lost: AbortController,
): Promise<(() => Promise<void>) | undefined> {
  try {
    const release = await lock(path, {
      realpath: false,
      stale: staleMs,
      onCompromised: (cause) =>
        lost.abort(new ClipError('model_unavailable', `${path}.lock was lost: ${cause.message}`, { cause })),
    });
    // A lock that was lost is gone already; there is nothing to release then.
    return () => (lost.signal.aborted ? Promise.resolve() : release());
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ELOCKED') return undefined;
    throw thrown;
  }
}
