import type { Clock } from '../../src/schedule/clock.ts';

/** A clock that stands still until a test winds it. */
export class WoundClock implements Clock {
  #now = 1000;
  readonly #timers = new Set<{ readonly time: number; readonly act: () => void }>();

  now(): number {
    return this.#now;
  }

  /** Timers that have neither fired nor been stopped. */
  get armed(): number {
    return this.#timers.size;
  }

  after(ms: number, act: () => void): () => void {
    const timer = { time: this.#now + ms, act };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Moves on by `ms`, firing what comes due in its order, with the event loop turning in between. */
  async wind(ms: number): Promise<void> {
    await turn();
    const until = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ time }) => time <= until).sort((a, b) => a.time - b.time)[0];
      if (!due) break;
      this.#now = Math.max(this.#now, due.time);
      this.#timers.delete(due);
      due.act();
      await turn();
    }
    this.#now = until;
    await turn();
  }
}

/** Lets everything happen that needs no time. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise(setImmediate);
}
