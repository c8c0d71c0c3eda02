import { columnsOf } from '../../model/columns.ts';
import type { TowerContract, TowerInput } from '../../model/tower.ts';
import type { TensorRtContext } from '../../native/tensorrt.ts';
import { feedsOf } from './feeds.ts';
import type { ParityRun } from './parity.ts';

export interface RunOptions {
  /** Of the graph that the plan was built of. */
  readonly contract: TowerContract;
  readonly inputs: readonly TowerInput[];
  /** Most rows of a run. */
  readonly maxBatch: number;
  readonly onStep: (done: number, total: number) => void;
}

/** Runs the plan on each input alone, then on batches of many sizes, the inputs in other rows each time. */
export async function runParity(
  context: Pick<TensorRtContext, 'run'>,
  { contract, inputs, maxBatch, onStep }: RunOptions,
): Promise<ParityRun[]> {
  const feeds = feedsOf(contract);
  const { fixedBatch } = contract;
  const plans = batchesOf(inputs, contract.cut, fixedBatch ?? maxBatch);
  const runs: ParityRun[] = [];
  for (const rows of plans) {
    // A graph with a fixed batch takes no fewer: the surplus repeats the first one.
    const padding = Array<number>(Math.max(0, (fixedBatch ?? 0) - rows.length)).fill(rows[0]!);
    const padded = [...rows, ...padding];
    const vectors = await context.run(feeds(padded.map((row) => inputs[row]!)));
    runs.push({ rows: padded, vectors });
    onStep(runs.length, plans.length);
  }
  return runs;
}

/** From one batch to the next; the inputs beside each other are of different kinds then. */
const STRIDE = 17;

/**
 * Places of inputs: each alone; full batches at, just below and just above every power of two, where profiles and graphs of
 * a context change; then full batches of texts that need the same columns.
 */
export function batchesOf(
  inputs: readonly TowerInput[],
  cut: TowerContract['cut'],
  maxBatch: number,
): number[][] {
  const all = inputs.map((_, i) => i);
  const alone = all.map((i) => [i]);
  const mixed = sizesUpTo(maxBatch).map((size, at) => cycled(all, size, at, STRIDE));
  const isText = !(inputs[0] instanceof Uint8Array);
  if (!isText || !cut) return [...alone, ...mixed];
  const columns = inputs.map((input) => (input instanceof Uint8Array ? 0 : columnsOf(input, cut)));
  const alike = [...new Set(columns)].map((count) => all.filter((i) => columns[i] === count));
  return [...alone, ...mixed, ...alike.map((members) => cycled(members, maxBatch, 0, 1))];
}

function sizesUpTo(most: number): number[] {
  const sizes = new Set([most]);
  for (let size = 2; size <= most; size *= 2)
    for (const near of [size - 1, size, size + 1]) if (near > 1 && near <= most) sizes.add(near);
  return [...sizes].sort((a, b) => a - b);
}

/** `size` of the members, beginning at another one each time, again from the first where there are no more. */
function cycled(members: readonly number[], size: number, start: number, stride: number): number[] {
  return Array.from({ length: size }, (_, i) => members[(start + i * stride) % members.length]!);
}
