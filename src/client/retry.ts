import { untilAborted } from '../abort.ts';
import { ClipClientError } from './error.ts';
import type { RetryOptions } from './options.ts';

export interface RetryPolicy {
  readonly options: Required<RetryOptions>;
  /** Whether this fault allows another try of this request. */
  readonly mayRetry: (error: ClipClientError) => boolean;
  readonly signal: AbortSignal;
}

/** Codes after which it is certain that nothing was worked on. */
const REFUSALS: ReadonlySet<ClipClientError['code']> = new Set([
  'connection_failed',
  'overloaded',
  'draining',
  'not_ready',
]);

/** For requests that change the server's state: a second try where the first may have been worked on is not safe. */
export function wasRefused(error: ClipClientError): boolean {
  return error.retryable && REFUSALS.has(error.code);
}

/**
 * Tries until it succeeds, fails for good, or `attempts` are used up; then the last fault is thrown. Between tries it waits
 * twice as long as before, less up to a half at random, and never less than the server asks for.
 */
export async function retry<T>(policy: RetryPolicy, attempt: () => Promise<T>): Promise<T> {
  const { options, mayRetry, signal } = policy;
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ClipClientError) || signal.aborted || !mayRetry(error)) throw error;
      const asked = error.retryAfterMs ?? 0;
      if (tried >= options.attempts || asked > options.maxMs) throw error;
      const longest = Math.min(options.maxMs, options.minMs * 2 ** (tried - 1));
      await pause(Math.max(asked, longest * (1 - Math.random() / 2)), signal);
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await untilAborted(
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms);
      }),
      signal,
    );
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs one try within its time.
 *
 * @throws ClipClientError timeout, or what `work` throws when its signal is aborted
 */
export async function withinTime<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new ClipClientError('timeout', `expected an answer within ${ms} ms, got none`)),
    ms,
  );
  const both = AbortSignal.any([signal, late.signal]);
  try {
    return await untilAborted(work(both), both);
  } catch (thrown) {
    throw late.signal.aborted ? late.signal.reason : thrown;
  } finally {
    clearTimeout(timer);
  }
}
