import { onAbort } from '../abort.ts';
import { ClipError } from '../errors.ts';
import { type Clock, systemClock } from '../schedule/clock.ts';
import type { Patience } from '../schedule/waiter.ts';

/** A request's patience, as one signal that also ends at the deadline. */
export interface RequestPatience extends Patience {
  /** Lets go of the clock and of the client's signal. */
  end(): void;
}

/** The client's signal and deadline, whichever is first. */
export function requestPatience(wanted: Patience, clock: Clock = systemClock): RequestPatience {
  const { deadline, source } = wanted;
  if (deadline === undefined) return { signal: wanted.signal, source, end: () => {} };
  const request = new AbortController();
  const expire = () => request.abort(new ClipError('deadline_exceeded', 'the time for the request is over'));
  const stopTimer = clock.after(Math.max(0, deadline - clock.now()), expire);
  const ignoreClient = onAbort(wanted.signal, () => request.abort(ClipError.aborted(wanted.signal)));
  const end = () => {
    stopTimer();
    ignoreClient();
  };
  return { signal: request.signal, deadline, source, end };
}
