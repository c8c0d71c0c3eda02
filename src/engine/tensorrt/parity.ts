import type { Parity } from './plan.ts';

/** Vectors of one run of a plan. */
export interface ParityRun {
  /** Which input stood in each row. */
  readonly rows: readonly number[];
  /** Rows × width, as they came. */
  readonly vectors: Float32Array;
}

/** What a plan is judged by. */
export interface Evidence {
  /** Of the inputs, for messages. */
  readonly names: readonly string[];
  /** ONNX Runtime's vectors of the original graph in float32, one per input. */
  readonly reference: readonly Float32Array[];
  /** The first ones have each input alone, in order. */
  readonly runs: readonly ParityRun[];
}

export type ParityVerdict =
  | { readonly passed: true; readonly parity: Parity }
  /** `reason` is a clause with the figures; `parity` is absent where there is nothing to be compared. */
  | { readonly passed: false; readonly parity?: Parity; readonly reason: string };

/** Of the cosines to the reference, over all inputs. */
export const LEAST_MEAN = 0.9999;
/** Of any of them. */
export const LEAST_COSINE = 0.999;
/** Of a vector's length, as a part of the reference's: clients take dot products of what is not normalised. */
export const LENGTH_DIFFERENCE = 0.01;
/** A vector that lies nearer than this to another input's reference than to its own belongs to that input. */
export const MIXED_UP = 1e-5;

/**
 * Compares every vector with the reference: in length, in direction, with what the same input gave alone, and with the
 * other inputs' references. Pure.
 */
export function judgeParity({ names, reference, runs }: Evidence): ParityVerdict {
  const cells = cellsOf(reference, runs);
  if ('reason' in cells) return { passed: false, reason: cells.reason };
  const parity = parityOf(reference.length, cells);
  const fault = firstFault(reference, cells) ?? tooFar(parity, cells);
  if (!fault) return { passed: true, parity };
  const { cell, reason } = fault;
  const figures = Number.isFinite(parity.mean) && { parity };
  return { passed: false, ...figures, reason: `${placeOf(cell, names)}${reason}` };
}

/** One vector of a run. */
interface Cell {
  readonly input: number;
  /** Of the run. */
  readonly row: number;
  readonly rows: number;
  readonly vector: Float32Array;
  /** To the reference. */
  readonly cosine: number;
}

interface Fault {
  readonly cell?: Cell;
  readonly reason: string;
}

function cellsOf(
  reference: readonly Float32Array[],
  runs: readonly ParityRun[],
): readonly Cell[] | { readonly reason: string } {
  const width = reference[0]!.length;
  const cells: Cell[] = [];
  for (const { rows, vectors } of runs) {
    const expected = rows.length * width;
    if (vectors.length !== expected)
      return {
        reason: `a run of ${rows.length} gave ${vectors.length} numbers in place of ${rows.length} × ${width}`,
      };
    for (const [row, input] of rows.entries()) {
      const vector = vectors.subarray(row * width, (row + 1) * width);
      cells.push({ input, row, rows: rows.length, vector, cosine: cosineOf(reference[input]!, vector) });
    }
  }
  return cells;
}

/** Each input counts once in the mean, however many runs it was in. */
function parityOf(inputs: number, cells: readonly Cell[]): Parity {
  const sums = Array.from({ length: inputs }, () => ({ cosine: 0, count: 0 }));
  for (const { input, cosine } of cells) {
    sums[input]!.cosine += cosine;
    sums[input]!.count++;
  }
  const mean = sums.reduce((sum, { cosine, count }) => sum + cosine / count, 0) / inputs;
  return { inputs, mean, least: cells.reduce((least, { cosine }) => Math.min(least, cosine), 1) };
}

function firstFault(reference: readonly Float32Array[], cells: readonly Cell[]): Fault | undefined {
  const lengths = reference.map(lengthOf);
  const alone = new Map<number, Float32Array>();
  for (const cell of cells) {
    const { input, vector, cosine } = cell;
    const length = lengthOf(vector);
    if (!Number.isFinite(length)) return { cell, reason: 'the vector is not finite' };
    if (length === 0) return { cell, reason: 'the vector is zero' };
    if (cosine < LEAST_COSINE) return { cell, reason: `cosine ${cosine} (at least ${LEAST_COSINE})` };
    const ratio = length / lengths[input]!;
    if (Math.abs(ratio - 1) > LENGTH_DIFFERENCE)
      return {
        cell,
        reason: `${ratio} times as long as it should be (within ${100 * LENGTH_DIFFERENCE} %)`,
      };
    const first = alone.get(input);
    if (!first) alone.set(input, vector);
    else {
      const agreement = cosineOf(first, vector);
      if (agreement < LEAST_COSINE)
        return {
          cell,
          reason: `cosine ${agreement} to the vector of the same input alone (at least ${LEAST_COSINE})`,
        };
    }
    const other = mixedUpWith(cell, reference);
    if (other !== undefined)
      return { cell, reason: `the vector lies nearer to that of input ${other + 1} than to its own` };
  }
  return undefined;
}

function mixedUpWith(
  { input, vector, cosine }: Cell,
  reference: readonly Float32Array[],
): number | undefined {
  const found = reference.findIndex(
    (other, at) => at !== input && cosineOf(other, vector) > cosine + MIXED_UP,
  );
  return found < 0 ? undefined : found;
}

function tooFar({ mean }: Parity, cells: readonly Cell[]): Fault | undefined {
  if (mean >= LEAST_MEAN) return undefined;
  const worst = cells.reduce((a, b) => (b.cosine < a.cosine ? b : a));
  return {
    reason: `cosine ${mean} in the mean (at least ${LEAST_MEAN}), ${worst.cosine} at input ${worst.input + 1}`,
  };
}

function placeOf(cell: Cell | undefined, names: readonly string[]): string {
  if (!cell) return '';
  const { input, row, rows } = cell;
  const place = rows === 1 ? 'alone' : `row ${row + 1} of ${rows}`;
  return `input ${input + 1} (${names[input]}), ${place}: `;
}

/** NaN where either is zero or not finite. */
function cosineOf(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return Math.min(1, ab / Math.sqrt(aa * bb));
}

function lengthOf(vector: Float32Array): number {
  let sum = 0;
  for (const x of vector) sum += x * x;
  return Math.sqrt(sum);
}
