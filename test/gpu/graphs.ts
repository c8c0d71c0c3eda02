import { feedsOf } from '../../src/engine/tensorrt/feeds.ts';
import type { TowerInput } from '../../src/model/tower.ts';
import type { TensorRtContext } from '../../src/native/tensorrt.ts';
import { bucketsUpTo, mostRows } from './buckets.ts';
import type { Bench, FoundPlan } from './child.ts';
import { lengthsOf, randomInputs } from './inputs.ts';
import type { Finding } from './tasks.ts';

const HANG_MS = 60_000;
/** The first two runs of a shape are not captured. */
const BEFORE_LAUNCH = 2;

interface Contexts {
  readonly captured: TensorRtContext;
  readonly plain: TensorRtContext;
}

/** Whether each bucket of rows and columns is captured, and its graph gives what the same plan gives without. */
export async function checkGraphs({ tensorRt, device, find, plan }: Bench): Promise<void> {
  for (const tower of ['text', 'image'] as const) {
    const found = await plan(tower);
    const engine = await tensorRt.open(found.bytes, device);
    try {
      const options = { hangMs: HANG_MS };
      const captured = await engine.context({ ...options, graphs: true });
      const plain = await engine.context({ ...options, graphs: false });
      for (const columns of lengthsOf(found.contract))
        find(await checkLength(found, { captured, plain }, columns));
      const { refused, launched, captured: count } = captured.graphs;
      const figures = { graphs: count, launched, deviceMiB: engine.deviceBytes / 2 ** 20 };
      const name = `${tower}: nothing is refused`;
      find({ name, figures, ...verdict(refused) });
    } finally {
      await engine.close();
    }
  }
}

async function checkLength(found: FoundPlan, contexts: Contexts, columns: number): Promise<Finding> {
  const { contract } = found;
  const most = mostRows(found);
  const feeds = feedsOf(contract);
  const [first, second] = [1, 2].map((seed) => randomInputs(contract, most, columns, seed));
  const sizes = contract.fixedBatch === undefined ? bucketsUpTo(most) : [most];
  const before = contexts.captured.graphs;
  const faults: string[] = [];
  for (const rows of sizes) {
    const run = (context: TensorRtContext, inputs: readonly TowerInput[], count = rows) =>
      context.run(feeds(inputs.slice(0, count)));
    const plain = [await run(contexts.plain, first!), await run(contexts.plain, second!)] as const;
    for (let i = 0; i < BEFORE_LAUNCH; i++) await run(contexts.captured, first!);
    const graph = [await run(contexts.captured, first!), await run(contexts.captured, second!)] as const;
    faults.push(
      ...difference(plain[0], graph[0], `${rows} rows`),
      ...difference(plain[1], graph[1], `${rows} rows, other inputs`),
      ...unchanged(graph[0], graph[1], rows),
    );
    // One row less is padded, and takes the same graph, where it is not a bucket itself.
    if (rows > 1 && contract.fixedBatch === undefined && !sizes.includes(rows - 1)) {
      const width = graph[0].length / rows;
      const less = await run(contexts.captured, first!, rows - 1);
      faults.push(...difference(graph[0].subarray(0, width * (rows - 1)), less, `${rows} rows, one padded`));
    }
  }
  const after = contexts.captured.graphs;
  const count = after.captured - before.captured;
  if (count !== sizes.length) faults.push(`${sizes.length} graphs expected, got ${count}`);
  if (after.launched - before.launched < 2 * sizes.length)
    faults.push(`${2 * sizes.length} launches expected, got ${after.launched - before.launched}`);
  const shape = contract.tower === 'text' ? `texts of ${columns} columns` : 'pictures';
  return { name: `${shape}, ${sizes.length} sizes of a run`, ...verdict(faults) };
}

function verdict(faults: readonly string[]): Pick<Finding, 'outcome' | 'detail'> {
  return faults.length === 0 ? { outcome: 'passed' } : { outcome: 'failed', detail: faults.join('; ') };
}

/** Bit by bit. */
function difference(wanted: Float32Array, got: Float32Array, what: string): string[] {
  if (wanted.length !== got.length)
    return [`${what}: ${wanted.length} numbers without a graph, ${got.length} with`];
  const at = wanted.findIndex((x, i) => !Object.is(x, got[i]));
  return at < 0 ? [] : [`${what}: number ${at} is ${wanted[at]} without a graph, ${got[at]} with`];
}

function unchanged(first: Float32Array, second: Float32Array, rows: number): string[] {
  const width = first.length / rows;
  const same = Array.from({ length: rows }, (_, row) => row).filter((row) => {
    const from = row * width;
    return first.subarray(from, from + width).every((x, i) => x === second[from + i]);
  });
  return same.length === 0 ? [] : [`${rows} rows: other inputs, and the same vector in row ${same[0]! + 1}`];
}
