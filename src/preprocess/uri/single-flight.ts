import type { ClipError } from '../../errors.ts';
import { abortError } from './bounded.ts';

interface Flight<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/** Those that ask for the same key at the same time share one piece of work; it is aborted when the last one leaves. */
export class SingleFlight<T> {
  private readonly flights = new Map<string, Flight<T>>();

  /** @throws ClipError the signal's reason, or cancelled; else what `start` throws */
  join(key: string, signal: AbortSignal, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (signal.aborted) return Promise.reject(abortError(signal));
    const flight = this.flights.get(key) ?? this.begin(key, start);
    flight.waiting++;
    return new Promise((resolve, reject) => {
      const leave = () => {
        reject(abortError(signal));
        flight.waiting--;
        if (flight.waiting > 0) return;
        this.end(key, flight);
        flight.controller.abort(abortError(signal));
      };
      signal.addEventListener('abort', leave, { once: true });
      flight.result.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    });
  }

  /** Aborts all that is under way and resolves when it has ended. */
  async close(reason: ClipError): Promise<void> {
    const flights = [...this.flights.values()];
    for (const { controller } of flights) controller.abort(reason);
    await Promise.allSettled(flights.map(({ result }) => result));
  }

  private begin(key: string, start: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const flight: Flight<T> = { result: start(controller.signal), controller, waiting: 0 };
    this.flights.set(key, flight);
    const end = () => this.end(key, flight);
    flight.result.then(end, end);
    return flight;
  }

  /** A flight that its last waiter left may have a successor under the same key. */
  private end(key: string, flight: Flight<T>): void {
    if (this.flights.get(key) === flight) this.flights.delete(key);
  }
}
