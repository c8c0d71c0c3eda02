import { ClipClientError } from '../client/error.ts';
import { ClipError } from '../errors.ts';

/**
 * Runs a command that SIGINT and SIGTERM end in order; a second one ends it at once. Resolves to its exit code; 1 with `stopped` on standard
 * error where a signal came.
 *
 * @throws what the work throws
 */
export async function untilSignal(
  stopped: string,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const stop = new AbortController();
  const onSignal = () => stop.abort(new ClipError('cancelled', stopped));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (error instanceof ClipClientError || error instanceof ClipError || stop.signal.aborted) {
      console.error(`clip-server: ${stop.signal.aborted ? stopped : describe(error as ClipError)}`);
      return 1;
    }
    throw error;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function describe({ message, code }: ClipError | ClipClientError): string {
  return `${message} (${code})`;
}
