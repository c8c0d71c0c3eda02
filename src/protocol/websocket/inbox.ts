import type { ClipError } from '../../errors.ts';

/** What is told to stop and go on reading. */
export interface Tap {
  pause(): void;
  resume(): void;
}

/**
 * Messages of a socket for one reader. While a message waits, the socket is not read, so that a client that sends
 * faster than is worked on is slowed by TCP; no more waits here than what had been read already.
 */
export class Inbox<T> implements AsyncIterableIterator<T> {
  readonly #tap: Tap;
  readonly #waiting: T[] = [];
  #reader: { resolve(step: IteratorResult<T>): void; reject(error: ClipError): void } | undefined;
  #paused = false;
  #ended = false;
  #failure: ClipError | undefined;

  constructor(tap: Tap) {
    this.#tap = tap;
  }

  /** True once nothing more is taken in. */
  get closed(): boolean {
    return this.#ended || this.#failure !== undefined;
  }

  /** True while the socket is not read. */
  get paused(): boolean {
    return this.#paused;
  }

  push(message: T): void {
    if (this.closed) return;
    if (this.#reader) {
      this.#reader.resolve({ done: false, value: message });
      this.#reader = undefined;
      return;
    }
    this.#waiting.push(message);
    if (this.#paused) return;
    this.#paused = true;
    this.#tap.pause();
  }

  /** What waits is still handed out. */
  end(): void {
    if (this.closed) return;
    this.#ended = true;
    this.#goOn();
    if (this.#waiting.length === 0) this.#reader?.resolve({ done: true, value: undefined });
  }

  /** What waits is still handed out, then the error. */
  fail(error: ClipError): void {
    if (this.closed) return;
    this.#failure = error;
    this.#goOn();
    if (this.#waiting.length === 0) this.#reader?.reject(error);
  }

  next(): Promise<IteratorResult<T>> {
    const [message] = this.#waiting.splice(0, 1);
    if (message !== undefined) return Promise.resolve({ done: false, value: message });
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      this.#goOn();
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Control frames are wanted to the end: the client's close among them. */
  #goOn(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#tap.resume();
  }
}
