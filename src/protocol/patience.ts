import { onAbort } from '../abort.ts';
import { ClipError } from '../errors.ts';

/** How long an answer is wanted: until the client leaves or its time is up. */
export interface Patience {
  /** Aborted with a ClipError, `cancelled` or `deadline_exceeded`. */
  readonly signal: AbortSignal;
  /** Monotonic ms (`performance.now()`); undefined means for ever. */
  readonly deadline?: number;
  close(): void;
}

export function openPatience(client: AbortSignal, timeoutMs: number | undefined): Patience {
  if (timeoutMs === undefined) return { signal: client, close: () => {} };
  const controller = new AbortController();
  const ignoreClient = onAbort(client, () => controller.abort(client.reason));
  const timer = setTimeout(() => {
    controller.abort(new ClipError('deadline_exceeded', `expected an answer within ${timeoutMs} ms`));
  }, timeoutMs);
  return {
    signal: controller.signal,
    deadline: performance.now() + timeoutMs,
    close: () => {
      clearTimeout(timer);
      ignoreClient();
    },
  };
}
