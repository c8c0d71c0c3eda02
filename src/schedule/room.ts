import type { ClipError } from '../errors.ts';
import { Turns } from './turns.ts';
import { type Patience, Waiter, type WaitingPlace } from './waiter.ts';

/** Gives a place back; further calls do nothing. */
export type Leave = () => void;

/**
 * Places for items that are being prepared, so that pictures are not decoded far ahead of the engines. A place is
 * held from before the decoding until the item is in the queue; from there on, the queue's own length counts.
 */
export class Room {
  readonly #place: WaitingPlace;
  readonly #capacity: number;
  readonly #queued: () => number;
  readonly #waiters = new Turns<Waiter<Leave>>();
  #held = 0;

  constructor(place: WaitingPlace, capacity: number, queued: () => number) {
    this.#place = place;
    this.#capacity = capacity;
    this.#queued = queued;
  }

  /** Waiters and places held. */
  get size(): number {
    return this.#waiters.size + this.#held;
  }

  /** Sources take turns; resolves in the order of the calls within one. @throws ClipError cancelled, deadline_exceeded, queue_timeout */
  enter(patience: Patience): Promise<Leave> {
    const waiter = new Waiter<Leave>(this.#place, patience, (left) => {
      this.#waiters.remove(left);
    });
    if (!waiter.settled) this.#waiters.push(waiter);
    this.admit();
    return waiter.promise;
  }

  /** To be called when the queue has become shorter. */
  admit(): void {
    while (this.#waiters.size > 0 && this.#held + this.#queued() < this.#capacity) {
      const [waiter] = this.#waiters.take(1);
      this.#held++;
      let holds = true;
      waiter!.resolve(() => {
        if (!holds) return;
        holds = false;
        this.#held--;
        this.admit();
      });
    }
  }

  refuse(error: ClipError): void {
    for (const waiter of this.#waiters.take(this.#waiters.size)) waiter.reject(error);
  }
}
