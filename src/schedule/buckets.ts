import { Queue, type Queued } from './queue.ts';
import { type Sourced, Turns } from './turns.ts';

/** An element that knows what it may travel with: its like. */
export interface Bucketed extends Sourced {
  readonly bucket: number;
}

/** What waits of one kind, itself an element of the ring. */
class Bucket<T extends Bucketed> extends Turns<T> implements Queued {
  previous: Queued | undefined;
  next: Queued | undefined;
  queue: object | undefined;
}

/**
 * A queue for batches whose elements are all of one bucket. Buckets take turns, a batch each; within one, sources do. A bucket
 * that begins to fill comes after all that wait already, so each is served within as many batches as there are others.
 */
export class Buckets<T extends Bucketed> {
  readonly #all = new Map<number, Bucket<T>>();
  /** Those that hold something, whose turn is next first. */
  readonly #ring = new Queue<Bucket<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Buckets that hold something. */
  get filled(): number {
    return this.#ring.size;
  }

  /** The bucket whose turn is next. */
  get first(): { readonly bucket: number; readonly size: number } | undefined {
    const next = this.#ring.first;
    return next && { bucket: next.first!.bucket, size: next.size };
  }

  push(element: T): void {
    let bucket = this.#all.get(element.bucket);
    if (!bucket) {
      bucket = new Bucket();
      this.#all.set(element.bucket, bucket);
    }
    if (bucket.size === 0) this.#ring.push(bucket);
    bucket.push(element);
    this.#size++;
  }

  /** Up to `count` elements of the bucket whose turn is next, in turn by their sources. */
  take(count: number): T[] {
    const [bucket] = this.#ring.take(1);
    if (!bucket) return [];
    const taken = bucket.take(count);
    this.#size -= taken.length;
    if (bucket.size > 0) this.#ring.push(bucket);
    return taken;
  }

  /** False where the element is not in this queue. */
  remove(element: T): boolean {
    const bucket = this.#all.get(element.bucket);
    if (!bucket?.remove(element)) return false;
    this.#size--;
    if (bucket.size === 0) this.#ring.remove(bucket);
    return true;
  }

  /** Everything, in no order that matters. */
  clear(): T[] {
    const all: T[] = [];
    while (this.#size > 0) all.push(...this.take(this.#size));
    return all;
  }
}
