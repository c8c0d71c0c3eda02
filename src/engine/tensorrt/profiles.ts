import type { TowerContract } from '../../model/tower.ts';
import type { Profile, ShapeRange } from '../../native/tensorrt.ts';

/** Columns that texts are cut to; the context's comes last. */
const COLUMNS = [16, 32, 48];

/** Rows that one profile is for, and those that the library's kernels are chosen for. */
interface Rows {
  readonly least: number;
  readonly tuned: number;
  readonly most: number;
}

/** Last rows of each range of pictures but the last. A range is tuned at its end, where the server is when it counts. */
const PICTURES = [1, 8, 32];

/** The same of texts. */
const TEXTS = [8];

/** Texts that a run of many is tuned for: twice the scheduler's usual batch, which is far from the largest. Not measured. */
const MANY_TEXTS = 64;

/** Columns that a run of texts may have, ascending. A text waits with those of its own. */
export function columnBuckets({ contextLength, cut }: TowerContract): readonly number[] {
  const context = contextLength!;
  return cut ? [...COLUMNS.filter((columns) => columns < context), context] : [context];
}

/**
 * Profiles of the graph that the contract describes, for runs of 1 … `maxBatch` rows; none where every dimension is fixed.
 *
 * A picture's profiles differ in rows: {1}, {2 … 8}, {9 … 32}, {33 … max}. A text's are of one number of columns each, so that a run is
 * one shape but for its rows; of rows there are two ranges, {1 … 8} and {9 … max}, as each profile is timed by itself in a build: 8 in all.
 */
export function profilesOf(contract: TowerContract, maxBatch: number): Profile[] {
  const { tower, fixedBatch } = contract;
  const isText = tower === 'text';
  const ranges = fixedBatch === undefined ? rangesUpTo(maxBatch, isText) : [fixed(fixedBatch)];
  const buckets = isText ? columnBuckets(contract) : [0];
  if (fixedBatch !== undefined && !(isText && contract.cut)) return [];
  return buckets.flatMap((columns) => ranges.map((rows) => profile(contract, rows, columns)));
}

const fixed = (rows: number): Rows => ({ least: rows, tuned: rows, most: rows });

function rangesUpTo(maxBatch: number, isText: boolean): Rows[] {
  const ends = [...(isText ? TEXTS : PICTURES).filter((end) => end < maxBatch), maxBatch];
  return ends.map((most, at) => ({
    least: (ends[at - 1] ?? 0) + 1,
    tuned: isText ? Math.min(most, MANY_TEXTS) : most,
    most,
  }));
}

function profile(contract: TowerContract, rows: Rows, columns: number): Profile {
  const range = (...rest: number[]): ShapeRange => ({
    min: [rows.least, ...rest],
    opt: [rows.tuned, ...rest],
    max: [rows.most, ...rest],
  });
  const { input, mask, end, layout, resolution: side } = contract;
  if (contract.tower === 'image')
    return { [input.name]: layout === 'nhwc' ? range(side!, side!, 3) : range(3, side!, side!) };
  return {
    [input.name]: range(columns),
    ...(mask && { [mask.name]: range(columns) }),
    ...(end && { [end.name]: range() }),
  };
}
