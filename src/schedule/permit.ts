import type { Limits } from '../config/limits.ts';
import { ClipError } from '../errors.ts';
import type { Metrics } from '../observe/metrics.ts';

/** A request's share of the limits, held from its first byte to its last; growth beyond a limit throws. */
export interface Permit {
  /** Counts `count` more bytes of the request. @throws ClipError request_too_large, overloaded */
  addBytes(count: number): void;
  /**
   * Counts `count` more items. Where items were reserved when the request was let in, the first call states how many it
   * really has: these count instead of the reservation, and what is left of it goes back.
   *
   * @throws ClipError too_many_items, overloaded
   */
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

/** What requests have taken. */
export interface Share {
  requests: number;
  items: number;
  bytes: number;
}

export interface PermitOptions {
  readonly limits: Pick<Limits, 'itemsPerRequest' | 'requestBytes' | 'queueItems' | 'queueBytes'>;
  readonly metrics: Metrics;
  /** Of all requests. */
  readonly house: Share;
  /** Of those that can wait, where this is one. */
  readonly part?: Share;
  /** Taken from the start. */
  readonly size: RequestSize;
  /** Called after each change; `freed` where something was given back. */
  readonly changed: (freed: boolean) => void;
}

/** Makes a permit and takes what it starts with; that there is room is the caller's to know. */
export function openPermit(options: PermitOptions): Permit {
  const { limits, metrics, house, part, size, changed } = options;
  const held: Share = { requests: 0, items: 0, bytes: 0 };
  let reserved = size.items;
  const take = (requests: number, items: number, bytes: number) => {
    add(held, requests, items, bytes);
    add(house, requests, items, bytes);
    if (part) add(part, requests, items, bytes);
    changed(requests < 0 || items < 0);
  };
  take(1, size.items, size.bytes);
  return {
    addBytes(count) {
      if (held.requests === 0) return;
      checkBytes(held.bytes + count, limits.requestBytes, metrics);
      const all = house.bytes + count;
      if (all > limits.queueBytes) refuse(metrics, 'overloaded', 'queue_bytes', limits.queueBytes, all);
      take(0, 0, count);
    },
    addItems(count) {
      if (held.requests === 0) return;
      const more = count - reserved;
      checkItems(held.items + more, limits.itemsPerRequest, metrics);
      const all = house.items + more;
      if (more > 0 && all > limits.queueItems)
        refuse(metrics, 'overloaded', 'queue_items', limits.queueItems, all);
      reserved = 0;
      take(0, more, 0);
    },
    release() {
      if (held.requests > 0) take(-1, -held.items, -held.bytes);
    },
  };
}

/** @throws ClipError too_many_items */
export function checkItems(items: number, most: number, metrics: Metrics): void {
  if (items > most) refuse(metrics, 'too_many_items', 'items_per_request', most, items);
}

/** @throws ClipError request_too_large */
export function checkBytes(bytes: number, most: number, metrics: Metrics): void {
  if (bytes > most) refuse(metrics, 'request_too_large', 'request_bytes', most, bytes);
}

const MEASURES = {
  items_per_request: 'items in the request',
  request_bytes: 'bytes in the request',
  queue_items: 'unanswered items',
  queue_bytes: 'bytes in flight',
} as const;

export function refuse(
  metrics: Metrics,
  code: 'overloaded' | 'request_too_large' | 'too_many_items',
  limit: keyof typeof MEASURES,
  most: number,
  got: number,
): never {
  metrics.limited.inc({ limit });
  throw new ClipError(code, `at most ${most} ${MEASURES[limit]} (limit ${limit}), this would make ${got}`);
}

function add(share: Share, requests: number, items: number, bytes: number): void {
  share.requests += requests;
  share.items += items;
  share.bytes += bytes;
}
