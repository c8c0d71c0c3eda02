/** Lets `burst` events happen at once, and then one in each interval. */
export class TokenBucket {
  readonly #burst: number;
  #tokens: number;
  #at = performance.now();

  constructor(burst: number) {
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** False where the event is one too many. */
  take(intervalMs: number): boolean {
    const now = performance.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) / intervalMs);
    this.#at = now;
    this.#tokens -= 1;
    return this.#tokens >= 0;
  }
}
