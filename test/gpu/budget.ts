import { PHASES, type Phase } from './report.ts';

/** Parts of the whole time. */
const SHARES: Readonly<Record<Phase, number>> = {
  build: 0.5,
  graphs: 0.06,
  kernels: 0.02,
  faults: 0.1,
  soak: 0.08,
  throughput: 0.24,
};

/** Until when each phase may run: what one leaves of its share is there for those that follow. */
export class Budget {
  readonly #ends = new Map<Phase, number>();

  constructor(minutes: number, phases: readonly Phase[], now = performance.now()) {
    const wanted = PHASES.filter((phase) => phases.includes(phase));
    const whole = wanted.reduce((sum, phase) => sum + SHARES[phase], 0);
    let end = now;
    for (const phase of wanted) {
      end += (minutes * 60_000 * SHARES[phase]) / whole;
      this.#ends.set(phase, end);
    }
  }

  /** ms; at most 0 where the phase's time is over, or it is not wanted. */
  left(phase: Phase, now = performance.now()): number {
    return (this.#ends.get(phase) ?? now) - now;
  }
}
