import { onAbort } from '../abort.ts';
import { ClipError } from '../errors.ts';
import type { Clock } from './clock.ts';
import type { Queued } from './queue.ts';
import type { Sourced } from './turns.ts';

/** How long the caller wants to wait. */
export interface Patience {
  readonly signal: AbortSignal;
  /** Monotonic ms after which no answer is wanted. */
  readonly deadline?: number;
  /** On whose behalf: sources take turns. Absent: this request alone. */
  readonly source?: object;
}

/** Where someone waits. */
export interface WaitingPlace {
  readonly clock: Clock;
  readonly queueMs: number;
  /** What is waited for, with its article, for messages. */
  readonly wanted: string;
  /** Called when someone has waited for `queueMs`. */
  readonly onTimeout: () => void;
  /** Waiters that are not settled. */
  unsettled: number;
}

/** Someone in a queue: settled exactly once, by an answer, an abort, the deadline or the longest time in the queue. */
export class Waiter<T> implements Sourced {
  previous: Queued | undefined;
  next: Queued | undefined;
  queue: object | undefined;
  readonly promise: Promise<T>;
  readonly since: number;
  readonly source: object;
  readonly #place: WaitingPlace;
  readonly #patience: Patience;
  readonly #left: (() => void) | undefined;
  #call: { resolve(value: T): void; reject(error: ClipError): void } | undefined;
  #stopTimer: (() => void) | undefined;
  #ignoreAbort: (() => void) | undefined;
  #expire: (() => void) | undefined;

  /** `left` is called when the waiter is settled by anything but an answer, before its promise rejects. */
  constructor(place: WaitingPlace, patience: Patience, left?: (waiter: Waiter<T>) => void) {
    this.#place = place;
    this.#patience = patience;
    this.#left = left && (() => left(this));
    this.since = place.clock.now();
    this.source = patience.source ?? patience;
    place.unsettled++;
    this.promise = new Promise((resolve, reject) => {
      this.#call = { resolve, reject };
    });
    this.wait();
    if (!this.#call) return;
    const { signal } = patience;
    this.#ignoreAbort = onAbort(signal, () => this.reject(ClipError.aborted(signal)));
  }

  get settled(): boolean {
    return this.#call === undefined;
  }

  /** In the queue: the longest time there counts, from `since`, and the deadline. */
  wait(): void {
    const { queueMs, clock, wanted, onTimeout } = this.#place;
    const { deadline = Number.POSITIVE_INFINITY } = this.#patience;
    if (deadline <= this.since + queueMs) this.work();
    else
      this.#allowUntil(this.since + queueMs, () => {
        const waited = Math.round(clock.now() - this.since);
        onTimeout();
        const message = `waited ${waited} ms for ${wanted}, where queue_ms allows ${queueMs}`;
        return new ClipError('queue_timeout', message);
      });
  }

  /** Out of the queue: only the deadline counts. */
  work(): void {
    const { deadline } = this.#patience;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#expire = undefined;
    if (deadline === undefined) return;
    this.#allowUntil(deadline, () => {
      const waited = Math.round(this.#place.clock.now() - this.since);
      return new ClipError('deadline_exceeded', `the deadline passed ${waited} ms after the item was queued`);
    });
  }

  /** From `wait` to `work`, unless its time is over, which a busy event loop may not have noticed yet. */
  begin(): void {
    this.#expire?.();
    if (!this.settled) this.work();
  }

  resolve(value: T): void {
    this.#end()?.resolve(value);
  }

  reject(error: ClipError): void {
    const call = this.#end();
    if (!call) return;
    this.#left?.();
    call.reject(error);
  }

  #allowUntil(time: number, error: () => ClipError): void {
    const { clock } = this.#place;
    this.#stopTimer?.();
    this.#expire = () => {
      if (clock.now() >= time) this.reject(error());
    };
    this.#expire();
    // A timer may be early by a fraction of a millisecond, so it does not ask for the time.
    if (!this.settled) this.#stopTimer = clock.after(time - clock.now(), () => this.reject(error()));
  }

  #end() {
    const call = this.#call;
    if (!call) return undefined;
    this.#call = undefined;
    this.#place.unsettled--;
    this.#stopTimer?.();
    this.#ignoreAbort?.();
    return call;
  }
}
