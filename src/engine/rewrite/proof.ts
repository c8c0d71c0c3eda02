import type { TowerContract, TowerInput } from '../../model/tower.ts';
import { ranOutOfMemory } from '../engine.ts';
import { type Packed, pack } from '../onnx-feeds.ts';
import { sessionOptions } from '../onnx-open.ts';
import { OnnxTower } from '../onnx-tower.ts';

/** How far the vectors of two graphs may lie apart. */
interface Tolerance {
  /** Least cosine of the two vectors of an input. */
  readonly cosine: number;
  /** Most that a component may differ, as a part of the vector's largest; no bound where absent. */
  readonly difference?: number;
}

/** Graphs that compute in float32 differ by the order of their sums alone; 16 bits round each value. */
const TOLERANCES: Readonly<Record<'fp32' | '16 bits', Tolerance>> = {
  fp32: { cosine: 0.999_999_9, difference: 1e-5 },
  '16 bits': { cosine: 0.9995 },
};

export interface ProofOptions {
  readonly inputs: readonly TowerInput[];
  /** `16 bits` where either graph computes, takes or gives any. */
  readonly precision: keyof typeof TOLERANCES;
  readonly threads: number;
  readonly onStep: (done: number, total: number) => void;
}

/** The vectors that lie farthest apart. */
export interface Measured {
  readonly cosine: number;
  readonly difference: number;
}

export type Proof =
  | { readonly holds: true; readonly measured: Measured }
  | { readonly holds: false; readonly reason: string };

/**
 * Runs both graphs in ONNX Runtime on the CPU, one after the other: each input alone, then the first half together and all
 * together, which of texts are the columns that each, the short ones and the longest need. Rejects where the original does
 * not run, or the memory runs out.
 */
export async function prove(
  original: TowerContract,
  rewritten: TowerContract,
  { inputs, precision, threads, onStep }: ProofOptions,
): Promise<Proof> {
  const half = inputs.slice(0, inputs.length / 2);
  const groups = [...inputs.map((input) => [input]), half, inputs];
  const total = inputs.length + groups.length;
  let done = 0;
  const step = () => onStep(++done, total);
  const before = inputs.map((input) => pack([input]));
  const expected = await vectors(original, before, threads, step);
  let found: Float32Array[];
  try {
    const after = groups.map((group) => pack(group, rewritten.cut));
    found = await vectors(rewritten, after, threads, step);
  } catch (thrown) {
    if (ranOutOfMemory(thrown)) throw thrown;
    return { holds: false, reason: `it does not run: ${(thrown as Error).message}` };
  }
  const rows = found.flatMap((vectors, i) => rowsOf(vectors, groups[i]!.length));
  return compare([...expected, ...expected.slice(0, half.length), ...expected], rows, TOLERANCES[precision]);
}

async function vectors(
  contract: TowerContract,
  packs: readonly Packed[],
  threads: number,
  onStep: () => void,
): Promise<Float32Array[]> {
  const tower = await OnnxTower.open(contract, sessionOptions(['cpu'], threads));
  try {
    const all: Float32Array[] = [];
    for (const each of packs) {
      all.push(await tower.run(each));
      onStep();
    }
    return all;
  } finally {
    await tower.release();
  }
}

function rowsOf(vectors: Float32Array, count: number): Float32Array[] {
  const width = vectors.length / count;
  return Array.from({ length: count }, (_, i) => vectors.subarray(i * width, (i + 1) * width));
}

function compare(
  expected: readonly Float32Array[],
  found: readonly Float32Array[],
  { cosine: least, difference: most = Number.POSITIVE_INFINITY }: Tolerance,
): Proof {
  let [cosine, difference] = [1, 0];
  for (const [i, a] of expected.entries()) {
    const b = found[i]!;
    if (a.length !== b.length)
      return { holds: false, reason: `it gives ${b.length} components in place of ${a.length}` };
    // What is not a number stays so, and fails.
    const apart = distance(a, b);
    cosine = Math.min(cosine, apart.cosine);
    difference = Math.max(difference, apart.difference);
  }
  if (cosine >= least && difference <= most) return { holds: true, measured: { cosine, difference } };
  const bound = Number.isFinite(most) ? ` (at most ${most})` : '';
  const measured = `cosine ${cosine} (at least ${least}), difference ${difference} of the largest component${bound}`;
  return { holds: false, reason: `its vectors are not the original's: ${measured}` };
}

function distance(a: Float32Array, b: Float32Array): Measured {
  let [ab, aa, bb, largest, difference] = [0, 0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
    largest = Math.max(largest, Math.abs(a[i]!));
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
  }
  return { cosine: ab / Math.sqrt(aa * bb), difference: difference / largest };
}
