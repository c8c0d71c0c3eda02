import { ClipError } from '../../errors.ts';
import type { TowerContract, TowerInput } from '../../model/tower.ts';
import { pack } from '../onnx-feeds.ts';
import { sessionOptions } from '../onnx-open.ts';
import { OnnxTower } from '../onnx-tower.ts';

/** Few enough that RN50x64's activations take less than a gigabyte. */
const ROWS = 8;

/**
 * Vectors of the model's own graph by ONNX Runtime on the CPU, one per input: what a plan is judged by.
 * @throws ClipError model_invalid where the graph itself gives a vector that is none; Error of ONNX Runtime
 */
export async function referenceVectors(
  contract: TowerContract,
  inputs: readonly TowerInput[],
  threads: number,
  onStep: (done: number, total: number) => void,
): Promise<Float32Array[]> {
  const tower = await OnnxTower.open(contract, sessionOptions(['cpu'], threads));
  try {
    const all: Float32Array[] = [];
    for (let start = 0; start < inputs.length; start += ROWS) {
      const group = inputs.slice(start, start + ROWS);
      const vectors = await tower.run(pack(group, contract.cut));
      const width = vectors.length / group.length;
      all.push(...group.map((_, i) => vectors.slice(i * width, (i + 1) * width)));
      onStep(all.length, inputs.length);
    }
    const faulty = all.findIndex((vector) => !isDirection(vector));
    if (faulty < 0) return all;
    throw new ClipError(
      'model_invalid',
      `${contract.path}: expected finite vectors that are not zero of ONNX Runtime, got another for input ${faulty + 1} of the parity gate`,
    );
  } finally {
    await tower.release();
  }
}

function isDirection(vector: Float32Array): boolean {
  return vector.every(Number.isFinite) && vector.some((x) => x !== 0);
}
