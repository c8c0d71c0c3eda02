import { InferenceSession, Tensor } from 'onnxruntime-node';
import { pack } from '../../src/engine/onnx-feeds.ts';
import { sessionOptions } from '../../src/engine/onnx-open.ts';
import { OnnxTower } from '../../src/engine/onnx-tower.ts';
import type { TowerArchitecture } from '../../src/model/architecture/architecture.ts';
import type { RewriteOptions } from '../../src/model/rewrite/options.ts';
import { endColumn } from '../../src/model/rewrite/packed-texts.ts';
import type { TextInput, TowerContract, TowerInput } from '../../src/model/tower.ts';

const PLAIN: RewriteOptions = {
  columns: 'context',
  end: 'found',
  pixels: 'float32',
  precision: 'fp32',
};
const TEXTS: readonly Partial<RewriteOptions>[] = [
  {},
  { columns: 'dynamic' },
  { columns: 'dynamic', end: 'given' },
  { columns: 'packed', end: 'given' },
  { columns: 'dynamic', precision: 'fp16' },
  { columns: 'packed', end: 'given', precision: 'fp32-residual' },
];
const PICTURES: readonly Partial<RewriteOptions>[] = [
  {},
  { pixels: 'uint8' },
  { precision: 'fp16' },
  { pixels: 'uint8', precision: 'fp32-residual' },
];

/** Rewrites of a tower that hold each option at least once; `bf16`, which ONNX Runtime's CPU cannot run, is left out. */
export function variantsOf({ family }: TowerArchitecture): RewriteOptions[] {
  return (family === 'text' ? TEXTS : PICTURES).map((options) => ({ ...PLAIN, ...options }));
}

/** What sets the options apart from a graph like the original: `dynamic fp16`. */
export function nameOf(options: RewriteOptions): string {
  const keys = Object.keys(PLAIN) as (keyof RewriteOptions)[];
  return (
    keys
      .filter((key) => options[key] !== PLAIN[key])
      .map((key) => options[key])
      .join(' ') || 'plain'
  );
}

/** Vectors of all groups, one array per input; a group is one run. */
export async function vectorsOf(
  contract: TowerContract,
  groups: readonly (readonly TowerInput[])[],
  threads: number,
): Promise<Float32Array[]> {
  const options = { ...sessionOptions(['cpu'], threads), logSeverityLevel: 3 } as const;
  const run = await (contract.end ? openTold : openFed)(contract, options);
  try {
    const vectors: Float32Array[] = [];
    for (const group of groups) {
      const all = await run.run(group);
      const width = all.length / group.length;
      vectors.push(...group.map((_, i) => all.slice(i * width, (i + 1) * width)));
    }
    return vectors;
  } finally {
    await run.release();
  }
}

interface Runnable {
  run(group: readonly TowerInput[]): Promise<Float32Array>;
  release(): Promise<void>;
}

/** As the server feeds it. */
async function openFed(contract: TowerContract, options: InferenceSession.SessionOptions): Promise<Runnable> {
  const tower = await OnnxTower.open(contract, options);
  return {
    run: (group) => tower.run(pack(group, contract.cut)),
    release: () => tower.release(),
  };
}

/** Texts to a graph that is told where they end, which the server has none of. */
async function openTold(
  contract: TowerContract,
  options: InferenceSession.SessionOptions,
): Promise<Runnable> {
  const session = await InferenceSession.create(contract.path, options);
  return {
    run: async (group) => {
      const texts = (group as readonly TextInput[]).map(({ ids }) => ids);
      const results = await session.run(told(contract, texts));
      return (results[contract.output.name]!.data as Float32Array).slice();
    },
    release: () => session.release(),
  };
}

function told(contract: TowerContract, texts: readonly Int32Array[]): Record<string, Tensor> {
  const { cut, contextLength, input, end } = contract;
  const ends = Int32Array.from(texts, (ids) => endColumn(ids, cut!.endToken));
  const columns = Math.min(contextLength!, Math.max(...ends) + 1);
  const ids = new Int32Array(texts.length * columns);
  texts.forEach((text, i) => void ids.set(text.subarray(0, columns), i * columns));
  return {
    [input.name]: new Tensor('int32', ids, [texts.length, columns]),
    [end!.name]: new Tensor('int32', ends, [texts.length]),
  };
}

/** How far two lists of vectors lie apart: least cosine, and largest difference as a part of a vector's largest component. */
export function apart(
  expected: readonly ArrayLike<number>[],
  found: readonly ArrayLike<number>[],
): { readonly cosine: number; readonly difference: number } {
  let [cosine, difference] = [1, 0];
  for (const [i, a] of expected.entries()) {
    const b = found[i]!;
    let [ab, aa, bb, largest, most] = [0, 0, 0, 0, 0];
    for (let j = 0; j < a.length; j++) {
      ab += a[j]! * b[j]!;
      aa += a[j]! ** 2;
      bb += b[j]! ** 2;
      largest = Math.max(largest, Math.abs(a[j]!));
      most = Math.max(most, Math.abs(a[j]! - b[j]!));
    }
    cosine = Math.min(cosine, ab / Math.sqrt(aa * bb));
    difference = Math.max(difference, most / largest);
  }
  return { cosine, difference };
}
