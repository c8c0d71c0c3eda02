import type { Parity, PlanKey } from '../engine/tensorrt/plan.ts';
import { megabytes } from './progress.ts';

/** One engine as `engines list --json` prints it. */
export interface EngineRow {
  /** Of its files. */
  readonly name: string;
  /** Both files. */
  readonly bytes: number;
  /** ISO 8601, of the last use. */
  readonly used: string;
  readonly inUse: boolean;
  /** This and what follows is absent where the side-car cannot be read. */
  readonly model?: string;
  readonly key?: PlanKey;
  /** Absent where a refused engine was not compared. */
  readonly parity?: Parity;
  /** ISO 8601. */
  readonly created?: string;
  /** Whether a start on this host would take it. */
  readonly loads: boolean;
  /** Why not, as a clause. */
  readonly reason?: string;
}

const HEADER = [
  'ENGINE',
  'MODEL',
  'TOWER',
  'RECIPE',
  'ROWS',
  'SIZE',
  'COSINE',
  'TENSORRT',
  'GPU',
  'AGE',
  'LOADS',
];

/** A table for people; `now` in ms since 1970. COSINE is the mean and the least of the parity gate. */
export function describeEngines(rows: readonly EngineRow[], now: number): string {
  const cells = [HEADER, ...rows.map((row) => cellsOf(row, now))];
  const widths = HEADER.map((_, at) => Math.max(...cells.map((line) => line[at]!.length)));
  const lines = cells.map((line) => line.map((cell, at) => cell.padEnd(widths[at]!)).join('  '));
  return lines.map((line) => line.trimEnd()).join('\n');
}

function cellsOf(row: EngineRow, now: number): string[] {
  const { name, model = '', key, bytes, parity, created, reason } = row;
  return [
    name.slice(0, 12),
    model,
    key?.tower ?? '',
    key?.recipe ?? '',
    key ? rowsOf(key) : '',
    megabytes(bytes),
    parity ? `${parity.mean.toFixed(5)} ${parity.least.toFixed(5)}` : '',
    key?.tensorrt ?? '',
    key ? `${key.gpu} ${key.computeCapability}` : '',
    created === undefined ? '' : ageOf(now - Date.parse(created)),
    reason === undefined ? 'yes' : `no: ${reason}`,
  ];
}

/** Most rows of a run; of a graph without profiles they are its own. */
function rowsOf({ profiles }: PlanKey): string {
  const most = profiles.flatMap((profile) => Object.values(profile).map(({ max }) => max[0] ?? 1));
  return most.length > 0 ? String(Math.max(...most)) : 'fixed';
}

const UNITS = [
  { letter: 'd', ms: 86_400_000 },
  { letter: 'h', ms: 3_600_000 },
  { letter: 'min', ms: 60_000 },
];

function ageOf(ms: number): string {
  const unit = UNITS.find((candidate) => ms >= candidate.ms);
  return unit ? `${Math.floor(ms / unit.ms)} ${unit.letter}` : '0 min';
}
