import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** In the order in which a run goes through them. */
export const PHASES = ['build', 'graphs', 'kernels', 'faults', 'soak', 'throughput'] as const;

export type Phase = (typeof PHASES)[number];

/**
 * `not run`: there was no time for it, or something that it needs is missing. `measured`: figures without a bound that they would
 * have to keep.
 */
export type Outcome = 'passed' | 'failed' | 'not run' | 'measured';

export type Figures = Readonly<Record<string, unknown>>;

export interface Row {
  readonly phase: Phase;
  readonly model?: string;
  readonly name: string;
  readonly outcome: Outcome;
  /** What was expected and what came, or why it was not run. */
  readonly detail?: string;
  readonly figures?: Figures;
}

/** What a run has found. Its file is whole after each row, so that a run that is cut off leaves what it had. */
export class Report {
  readonly rows: Row[] = [];
  readonly #path: string;
  readonly #head: Figures;
  readonly #say: (line: string) => void;
  readonly #began = performance.now();

  constructor(path: string, head: Figures, say: (line: string) => void) {
    this.#path = path;
    this.#head = head;
    this.#say = say;
    this.#write();
  }

  add(row: Row): void {
    this.rows.push(row);
    this.#write();
    if (row.outcome !== 'passed' || row.figures) this.#say(lineOf(row));
  }

  get seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  /** 0 where something passed and nothing failed. */
  get code(): 0 | 1 {
    return this.#count('failed') === 0 && this.#count('passed') > 0 ? 0 : 1;
  }

  /** A line for each phase and model, and one for all. */
  table(): string {
    const groups = new Map<string, Row[]>();
    for (const row of this.rows) {
      const name = `${row.phase.padEnd(12)}${(row.model ?? '').padEnd(14)}`;
      groups.set(name, [...(groups.get(name) ?? []), row]);
    }
    const lines = [...groups].map(([name, rows]) => `${name}${countsOf(rows)}`);
    return [...lines, '', `${countsOf(this.rows)}, in ${this.seconds.toFixed(0)} s`].join('\n');
  }

  #count(outcome: Outcome): number {
    return this.rows.filter((row) => row.outcome === outcome).length;
  }

  #write(): void {
    const { rows, seconds } = this;
    const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, this.#count(outcome)]));
    mkdirSync(dirname(this.#path), { recursive: true });
    const unfinished = `${this.#path}.unfinished`;
    writeFileSync(unfinished, `${JSON.stringify({ ...this.#head, seconds, counts, rows }, null, 1)}\n`);
    renameSync(unfinished, this.#path);
  }
}

const OUTCOMES: readonly Outcome[] = ['passed', 'failed', 'not run', 'measured'];

function countsOf(rows: readonly Row[]): string {
  return OUTCOMES.map((outcome) => [rows.filter((row) => row.outcome === outcome).length, outcome] as const)
    .filter(([count, outcome]) => count > 0 || outcome === 'failed')
    .map(([count, outcome]) => `${count} ${outcome}`)
    .join(', ');
}

function lineOf({ phase, model, name, outcome, detail, figures }: Row): string {
  const place = [phase, model, name].filter((part) => part !== undefined).join(' · ');
  const words = [detail, figures && shown(figures)].filter((part) => part !== undefined).join('; ');
  return `${outcome.padEnd(8)}  ${place}${words && `: ${words}`}`;
}

/** Numbers and texts; what is deeper is in the file alone. */
function shown(figures: Figures): string {
  return Object.entries(figures)
    .filter(([, value]) => typeof value === 'number' || typeof value === 'string')
    .map(([name, value]) => `${name} ${typeof value === 'number' ? rounded(value) : value}`)
    .join(', ');
}

function rounded(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(6)));
}
