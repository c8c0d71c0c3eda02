import type { Limits } from '../config/config.ts';
import { ClipError } from '../errors.ts';
import type { Metrics } from '../observe/metrics.ts';
import { type Clock, systemClock } from './clock.ts';

export interface AdmissionOptions {
  readonly limits: Pick<Limits, 'itemsPerRequest' | 'requestBytes' | 'queueItems' | 'queueBytes'>;
  readonly metrics: Metrics;
  readonly clock?: Clock;
}

/** A request's share of the limits, held from its first byte to its last; growth beyond a limit throws. */
export interface Permit {
  /** Counts `count` more bytes of the request. @throws ClipError request_too_large, overloaded */
  addBytes(count: number): void;
  /** Counts `count` more items. @throws ClipError too_many_items, overloaded */
  addItems(count: number): void;
  /** Gives everything back; further calls do nothing. */
  release(): void;
}

/** What a request brings, where that is known before it is let in. */
export interface RequestSize {
  /** At most so many items. */
  readonly items: number;
  readonly bytes: number;
}

/** Everything that is in the house: requests, their items and their bytes, from the first byte to the last. */
export class Admission {
  readonly #options: AdmissionOptions;
  #requests = 0;
  #items = 0;
  #bytes = 0;
  #closed = false;
  #empty: (() => void) | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#show();
  }

  /** True once no request is admitted any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** @throws ClipError draining, overloaded */
  admit(): Permit {
    if (this.#closed)
      throw new ClipError('draining', 'the server takes no new requests: it is shutting down');
    const { queueItems, queueBytes } = this.#options.limits;
    // A request that could not bring a single item is turned away before its body is read.
    if (this.#items >= queueItems)
      this.#refuse('overloaded', 'queue_items', 'unanswered items', queueItems, 1);
    if (this.#bytes >= queueBytes)
      this.#refuse('overloaded', 'queue_bytes', 'bytes in flight', queueBytes, 1);
    this.#requests++;
    this.#show();
    return this.#permit();
  }

  /**
   * Opens a request whose size is known.
   * @throws ClipError draining, overloaded, too_many_items, request_too_large
   */
  async enter({ items, bytes }: RequestSize, signal: AbortSignal): Promise<Permit> {
    signal.throwIfAborted();
    const permit = this.admit();
    permit.addBytes(bytes);
    permit.addItems(items);
    return permit;
  }

  /** Admits nothing more; resolves when the last request is answered, at the latest after `drainMs`. */
  close(drainMs: number): Promise<void> {
    this.#closed = true;
    if (this.#requests === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const { clock = systemClock } = this.#options;
      const stopTimer = clock.after(drainMs, resolve);
      this.#empty = () => {
        stopTimer();
        resolve();
      };
    });
  }

  #permit(): Permit {
    const { itemsPerRequest, requestBytes, queueItems, queueBytes } = this.#options.limits;
    let items = 0;
    let bytes = 0;
    let released = false;
    return {
      addBytes: (count) => {
        if (released) return;
        if (bytes + count > requestBytes)
          this.#refuse(
            'request_too_large',
            'request_bytes',
            'bytes in the request',
            requestBytes,
            bytes + count,
          );
        if (this.#bytes + count > queueBytes)
          this.#refuse('overloaded', 'queue_bytes', 'bytes in flight', queueBytes, this.#bytes + count);
        bytes += count;
        this.#bytes += count;
        this.#show();
      },
      addItems: (count) => {
        if (released) return;
        if (items + count > itemsPerRequest)
          this.#refuse(
            'too_many_items',
            'items_per_request',
            'items in the request',
            itemsPerRequest,
            items + count,
          );
        if (this.#items + count > queueItems)
          this.#refuse('overloaded', 'queue_items', 'unanswered items', queueItems, this.#items + count);
        items += count;
        this.#items += count;
        this.#show();
      },
      release: () => {
        if (released) return;
        released = true;
        this.#leave(items, bytes);
      },
    };
  }

  #leave(items: number, bytes: number): void {
    this.#requests--;
    this.#items -= items;
    this.#bytes -= bytes;
    this.#show();
    if (this.#requests === 0) this.#empty?.();
  }

  #refuse(
    code: 'overloaded' | 'request_too_large' | 'too_many_items',
    limit: string,
    what: string,
    most: number,
    got: number,
  ): never {
    this.#options.metrics.limited.inc({ limit });
    throw new ClipError(code, `at most ${most} ${what} (limit ${limit}), this would make ${got}`);
  }

  #show(): void {
    const { requestsInFlight, itemsInFlight, bytesInFlight } = this.#options.metrics;
    requestsInFlight.set(this.#requests);
    itemsInFlight.set(this.#items);
    bytesInFlight.set(this.#bytes);
  }
}
