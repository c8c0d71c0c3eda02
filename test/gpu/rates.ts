import { feedsOf } from '../../src/engine/tensorrt/feeds.ts';
import type { Feed, TensorRtContext, TensorRtEngine, TensorRtError } from '../../src/native/tensorrt.ts';
import { mostRows } from './buckets.ts';
import type { Bench, FoundPlan } from './child.ts';
import { lengthsOf, randomInputs } from './inputs.ts';

const HANG_MS = 60_000;
const ROWS = [1, 8, 32, 128];
/** More than these overlap nothing that two don't, but show it. */
const CONTEXTS = 3;
/** Before a window: the graph is captured, the clocks are up. */
const WARM_RUNS = 4;

/** Items per second of the plans alone, from inputs in the host's memory to vectors there. */
export async function measureRates(bench: Bench): Promise<void> {
  for (const tower of ['image', 'text'] as const) {
    const found = await bench.plan(tower);
    const engine = await bench.tensorRt.open(found.bytes, bench.device);
    try {
      const contexts = await contextsOf(engine);
      for (const columns of lengthsOf(found.contract)) await measureLength(bench, found, contexts, columns);
    } finally {
      await engine.close();
    }
  }
}

/** As many as the memory takes. */
async function contextsOf(engine: TensorRtEngine): Promise<TensorRtContext[]> {
  const contexts: TensorRtContext[] = [];
  while (contexts.length < CONTEXTS)
    try {
      contexts.push(await engine.context({ graphs: true, hangMs: HANG_MS }));
    } catch (error) {
      if (contexts.length === 0 || (error as TensorRtError).code !== 'memory') throw error;
      break;
    }
  return contexts;
}

async function measureLength(
  { find, windowMs }: Bench,
  found: FoundPlan,
  contexts: readonly TensorRtContext[],
  columns: number,
): Promise<void> {
  const { contract } = found;
  const most = mostRows(found);
  const pool = randomInputs(contract, most, columns, 3);
  const feeds = feedsOf(contract);
  const figures: Record<string, number> = {};
  const sizes = contract.fixedBatch === undefined ? ROWS.filter((rows) => rows < most) : [];
  for (const rows of [...sizes, most]) {
    const batch = feeds(pool.slice(0, rows));
    const counts = rows === most ? contexts.map((_, at) => at + 1) : [1];
    for (const count of counts)
      figures[`${count} × ${rows} rows`] = await rate(contexts.slice(0, count), batch, rows, windowMs);
  }
  const isText = contract.tower === 'text';
  const unit = isText ? 'texts/s' : 'images/s';
  const name = isText ? `engine alone, ${unit}, ${columns} columns` : `engine alone, ${unit}`;
  find({ name, outcome: 'measured', figures: { ...figures, best: Math.max(...Object.values(figures)) } });
}

async function rate(
  contexts: readonly TensorRtContext[],
  batch: readonly Feed[],
  rows: number,
  windowMs: number,
): Promise<number> {
  for (const context of contexts) for (let i = 0; i < WARM_RUNS; i++) await context.run(batch);
  const began = performance.now();
  let runs = 0;
  const work = async (context: TensorRtContext) => {
    do {
      await context.run(batch);
      runs++;
    } while (performance.now() - began < windowMs);
  };
  await Promise.all(contexts.map(work));
  return (runs * rows) / ((performance.now() - began) / 1000);
}
