import type { RewriteOptions } from '../../model/rewrite/options.ts';
import type { TowerContract } from '../../model/tower.ts';

/** How a tower is to be rewritten for ONNX Runtime. */
export interface RewritePlan {
  readonly options: RewriteOptions;
  /** Columns that a text may be cut to, ascending, the context last; none of a picture. */
  readonly lengths: readonly number[];
}

/** Columns between two lengths: what padding costs against what a batch gains by holding more texts. */
const STEP = 8;

/** What is worth rewriting; undefined where the original serves as well. */
export function planOf({ tower, contextLength }: TowerContract): RewritePlan | undefined {
  if (tower === 'image' || contextLength === undefined) return undefined;
  const steps = Math.ceil(contextLength / STEP) - 1;
  const lengths = [...Array.from({ length: steps }, (_, i) => (i + 1) * STEP), contextLength];
  return {
    options: {
      columns: 'dynamic',
      end: 'found',
      pixels: 'float32',
      precision: 'fp32',
      operators: 'onnxruntime',
    },
    lengths,
  };
}
