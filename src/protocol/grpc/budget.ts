import { ClipError } from '../../errors.ts';

/** Bytes of messages that are arriving or not yet admitted, of all calls together. */
export class ReceiveBudget {
  readonly #limit: number;
  readonly #onLimit: () => void;
  #held = 0;

  constructor(limit: number, onLimit: () => void) {
    this.#limit = limit;
    this.#onLimit = onLimit;
  }

  get held(): number {
    return this.#held;
  }

  /** @throws ClipError overloaded */
  take(bytes: number): void {
    if (this.#held + bytes > this.#limit) {
      this.#onLimit();
      throw new ClipError(
        'overloaded',
        `at most ${this.#limit} bytes of messages on their way (limit receive_bytes), this would make ${this.#held + bytes}`,
      );
    }
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}
