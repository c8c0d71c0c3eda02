import { loadAddon } from '../../src/native/addon.ts';
import {
  type ContextOptions,
  type Feed,
  openTensorRt,
  type Profile,
  type TensorRtContext,
  type TensorRtEngine,
} from '../../src/native/tensorrt.ts';
import { type FakeTensor, fakePlan } from './fake-plan.ts';

export const WIDTH = 3;
export const COLUMNS = 4;
export const MAX_ROWS = 32;
export const OPTIONS: ContextOptions = { graphs: true, hangMs: 20_000 };

export const IDS: FakeTensor = { name: 'ids', input: true, type: 'int32', shape: [-1, -1] };
export const END: FakeTensor = { name: 'end', input: true, type: 'int32', shape: [-1] };
export const OUT: FakeTensor = { name: 'vectors', input: false, type: 'float32', shape: [-1, WIDTH] };
/** Two kinds of columns; the first in two sizes of batch. */
export const PROFILES = [profile(COLUMNS, 1, 1), profile(COLUMNS, 2, MAX_ROWS), profile(2 * COLUMNS, 1, 8)];

const major = process.argv[2] === '11' ? 11 : 10;
/** The fakes, in a process whose first argument is the major. */
export const runtime = openTensorRt({ major });
export const plan = fakePlan({ version: runtime.version, tensors: [IDS, END, OUT], profiles: PROFILES });

function profile(columns: number, min: number, max: number): Profile {
  return {
    ids: { min: [min, columns], opt: [max, columns], max: [max, columns] },
    end: { min: [min], opt: [max], max: [max] },
  };
}

/** Rows of ids whose sums are `seed + row`, each its own piece. */
export function feeds(rows: number, seed: number, columns = COLUMNS): Feed[] {
  const row = (_: unknown, at: number) => new Int32Array(columns).fill(seed + at, 0, 1);
  return [
    { name: 'end', shape: [rows], data: [new Int32Array(rows)] },
    { name: 'ids', shape: [rows, columns], data: Array.from({ length: rows }, row) },
  ];
}

export function expected(rows: number, seed: number): number[] {
  return Array.from({ length: rows * WIDTH }, (_, at) => seed + Math.floor(at / WIDTH) + (at % WIDTH));
}

/** Whether each row of a run is its own, and nothing else was given out. */
export async function isRight(context: TensorRtContext, rows: number, seed: number, columns = COLUMNS) {
  const out = await context.run(feeds(rows, seed, columns));
  return JSON.stringify([...out]) === JSON.stringify(expected(rows, seed));
}

/** The fault's code and words. */
export async function faultOf(work: Promise<unknown>): Promise<string> {
  const outcome = await work.then(
    () => 'none',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );
  return outcome;
}

export async function opened(options = OPTIONS): Promise<[TensorRtEngine, TensorRtContext]> {
  const engine = await runtime.open(plan, 0);
  return [engine, await engine.context(options)];
}

/** What is not given back: of the driver's, and of the library's. */
export const live = () =>
  ['libcuda.so.1 fake_cuda_live', `libnvinfer.so.${major} fake_infer_live`].map((each) => {
    const [library, name] = each.split(' ');
    return loadAddon().probeLibrary(library!, name!).version ?? 0;
  });

/** Allocations, streams, events, graphs and modules that the driver was asked for so far. */
export const created = () => loadAddon().probeLibrary('libcuda.so.1', 'fake_cuda_created').version ?? 0;
