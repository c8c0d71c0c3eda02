import type { TowerInput } from '../../model/tower.ts';
import type { Metrics } from '../../observe/metrics.ts';

/** An input, and the vector that the plan gave for it when it was proved. */
export interface Canary {
  readonly input: TowerInput;
  readonly expected: readonly number[];
}

/** Least cosine of a canary's vector to the one of the proof. */
export const CANARY_COSINE = 0.999;

/** NaN where a vector has no direction, or another length. */
export function canaryCosine({ expected }: Canary, vector: Float32Array): number {
  if (vector.length !== expected.length) return Number.NaN;
  let [ab, aa, bb] = [0, 0, 0];
  for (const [i, a] of expected.entries()) {
    const b = vector[i]!;
    ab += a * b;
    aa += a * a;
    bb += b * b;
  }
  return ab / Math.sqrt(aa * bb);
}

/** An engine's check; it never rejects, and whoever makes it acts on what it finds. */
export type Check = () => Promise<'ok' | 'wrong' | 'failed'>;

/** Lets every engine that serves run its canary, all of them once in each interval, whether they have work or not. */
export class CanaryRounds {
  readonly #intervalMs: number;
  readonly #metrics: Metrics;
  readonly #checks = new Map<Check, string>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** 0 is without rounds. */
  constructor(intervalMs: number, metrics: Metrics) {
    this.#intervalMs = intervalMs;
    this.#metrics = metrics;
    this.#wait();
  }

  /** @returns takes the check out again */
  join(tower: string, check: Check): () => void {
    this.#checks.set(check, tower);
    return () => void this.#checks.delete(check);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    if (this.#intervalMs === 0 || this.#closed) return;
    this.#timer = setTimeout(() => void this.#round(), this.#intervalMs).unref();
  }

  async #round(): Promise<void> {
    const outcomes = [...this.#checks].map(async ([check, tower]) =>
      this.#metrics.canaries.inc({ tower, outcome: await check() }),
    );
    await Promise.all(outcomes);
    this.#wait();
  }
}
