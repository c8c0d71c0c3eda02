/** Time as the scheduler sees it; tests pass one that they wind by hand. */
export interface Clock {
  /** Monotonic ms, on the scale of `performance.now()`. */
  now(): number;
  /** Calls `act` once after `ms`; the returned function prevents it. */
  after(ms: number, act: () => void): () => void;
}

/** Node fires a timer of more than 2^31 − 1 ms at once. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, act) {
    const timer = setTimeout(act, Math.min(Math.ceil(ms), LONGEST_MS));
    return () => clearTimeout(timer);
  },
};
