import type { Limits } from '../config/limits.ts';
import { ClipError } from '../errors.ts';
import type { Metrics } from '../observe/metrics.ts';
import { type Clock, systemClock } from './clock.ts';
import {
  checkBytes,
  checkItems,
  openPermit,
  type Permit,
  type RequestSize,
  refuse,
  type Share,
} from './permit.ts';
import { Queue } from './queue.ts';
import { Waiter, type WaitingPlace } from './waiter.ts';

export interface AdmissionOptions {
  readonly limits: Pick<Limits, 'itemsPerRequest' | 'requestBytes' | 'queueItems' | 'queueBytes' | 'queueMs'>;
  readonly metrics: Metrics;
  readonly clock?: Clock;
}

/** A request that waits to be let in. */
class Entrant extends Waiter<Permit> {
  readonly size: RequestSize;

  constructor(
    size: RequestSize,
    place: WaitingPlace,
    signal: AbortSignal,
    left: (entrant: Waiter<Permit>) => void,
  ) {
    super(place, { signal }, left);
    this.size = size;
  }
}

/** What requests that can wait may take of the house: those that cannot always find the rest. */
const STREAMS_SHARE = 1 / 2;

/** Everything that is in the house: requests, their items and their bytes, from the first byte to the last. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #clock: Clock;
  readonly #place: WaitingPlace;
  readonly #house = { requests: 0, items: 0, bytes: 0 };
  /** Of the house, what came by `enter`. */
  readonly #streams = { requests: 0, items: 0, bytes: 0 };
  readonly #waiting = new Queue<Entrant>();
  #closed = false;
  #empty: (() => void) | undefined;

  constructor(options: AdmissionOptions) {
    const { limits, metrics, clock = systemClock } = options;
    this.#options = options;
    this.#clock = clock;
    this.#place = {
      clock,
      queueMs: limits.queueMs,
      wanted: 'room among the unanswered requests',
      onTimeout: () => metrics.limited.inc({ limit: 'queue_ms' }),
      unsettled: 0,
    };
    this.#showHouse();
    this.#showWaiting();
  }

  /** True once no request is admitted any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Opens a request that does not wait. @throws ClipError draining, overloaded */
  admit(): Permit {
    this.#checkOpen();
    const { metrics, limits } = this.#options;
    // A request that could not bring a single item is turned away before its body is read.
    const { items, bytes } = this.#house;
    if (items >= limits.queueItems)
      refuse(metrics, 'overloaded', 'queue_items', limits.queueItems, items + 1);
    if (bytes >= limits.queueBytes)
      refuse(metrics, 'overloaded', 'queue_bytes', limits.queueBytes, bytes + 1);
    return this.#open({ items: 0, bytes: 0 });
  }

  /**
   * Opens a request whose size is known, as soon as the house has room for all of it; in the order of the calls. Requests
   * that come this way fill half of `queue_items` and of `queue_bytes` at most; a larger one goes in when it is alone.
   *
   * @throws ClipError draining, too_many_items, request_too_large, queue_timeout; what the signal was aborted with
   */
  async enter(size: RequestSize, signal: AbortSignal): Promise<Permit> {
    this.#checkOpen();
    this.#checkSize(size);
    if (signal.aborted) throw ClipError.aborted(signal);
    const first = this.#waiting.first ?? { size };
    const limit = this.#obstacle(first.size);
    if (limit === undefined) return this.#open(size, this.#streams);
    this.#options.metrics.limited.inc({ limit });
    const entrant = new Entrant(size, this.#place, signal, (left) => {
      if (this.#waiting.remove(left as Entrant)) this.#letIn();
    });
    if (!entrant.settled) this.#waiting.push(entrant);
    this.#showWaiting();
    return entrant.promise;
  }

  /** Admits nothing more, refuses who waits; resolves when the last request is answered, at the latest after `drainMs`. */
  close(drainMs: number): Promise<void> {
    this.#closed = true;
    for (const entrant of this.#waiting.take(this.#waiting.size)) entrant.reject(draining());
    this.#showWaiting();
    if (this.#house.requests === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const stopTimer = this.#clock.after(drainMs, resolve);
      this.#empty = () => {
        stopTimer();
        resolve();
      };
    });
  }

  #checkOpen(): void {
    if (this.#closed) throw draining();
  }

  /** What would never fit need not wait. */
  #checkSize({ items, bytes }: RequestSize): void {
    const { limits, metrics } = this.#options;
    checkItems(items, limits.itemsPerRequest, metrics);
    checkBytes(bytes, limits.requestBytes, metrics);
    if (items > limits.queueItems) refuse(metrics, 'too_many_items', 'queue_items', limits.queueItems, items);
    if (bytes > limits.queueBytes)
      refuse(metrics, 'request_too_large', 'queue_bytes', limits.queueBytes, bytes);
  }

  /** The limit for which a request that can wait has to. */
  #obstacle({ items, bytes }: RequestSize): 'queue_items' | 'queue_bytes' | undefined {
    const { queueItems, queueBytes } = this.#options.limits;
    const share = this.#streams.requests === 0 ? 1 : STREAMS_SHARE;
    if (this.#house.items + items > queueItems || this.#streams.items + items > queueItems * share)
      return 'queue_items';
    if (this.#house.bytes + bytes > queueBytes || this.#streams.bytes + bytes > queueBytes * share)
      return 'queue_bytes';
    return undefined;
  }

  #letIn(): void {
    for (let next = this.#waiting.first; next && !this.#obstacle(next.size); next = this.#waiting.first) {
      this.#waiting.remove(next);
      next.resolve(this.#open(next.size, this.#streams));
    }
    this.#showWaiting();
  }

  #open(size: RequestSize, part?: Share): Permit {
    const { limits, metrics } = this.#options;
    const changed = (freed: boolean) => {
      this.#showHouse();
      if (freed && this.#waiting.size > 0) this.#letIn();
      if (this.#house.requests === 0) this.#empty?.();
    };
    return openPermit({ limits, metrics, house: this.#house, part, size, changed });
  }

  #showHouse(): void {
    const { requestsInFlight, itemsInFlight, bytesInFlight } = this.#options.metrics;
    requestsInFlight.set(this.#house.requests);
    itemsInFlight.set(this.#house.items);
    bytesInFlight.set(this.#house.bytes);
  }

  #showWaiting(): void {
    this.#options.metrics.requestsWaiting.set(this.#waiting.size);
  }
}

function draining(): ClipError {
  return new ClipError('draining', 'the server takes no new requests: it is shutting down');
}
