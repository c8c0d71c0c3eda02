import { recognise } from '../../model/architecture/recognise.ts';
import { readOnnx } from '../../model/onnx/read.ts';
import { rewriteTower } from '../../model/rewrite/rewrite.ts';
import type { TowerContract } from '../../model/tower.ts';
import type { RewritePlan } from './plan.ts';
import type { Rewrite } from './work.ts';

/** Reads what a tower is from its graph's structure, and builds it anew by the plan. */
export const rewriteRecognised: Rewrite = async (contract, plan, target) => {
  const recognition = await recognise(await readOnnx(contract.path), contract);
  if ('reason' in recognition) return { unrecognised: recognition.reason };
  const { architecture } = recognition;
  // Whoever wants this to end ends the process.
  const built = await rewriteTower(architecture, plan.options, target, new AbortController().signal);
  const { cut } = built;
  const vocabulary = architecture.family === 'text' && {
    size: architecture.tokens.dims[0]!,
    endToken: architecture.endToken,
  };
  return {
    contract: { ...built, ...(cut && { cut: { ...cut, lengths: plan.lengths } }) },
    ...(vocabulary && { vocabulary }),
    precision: isHalf(contract, plan, architecture.precision) ? '16 bits' : 'fp32',
  };
};

/** Where either graph computes, takes or gives 16 bits. */
function isHalf({ input, output }: TowerContract, { options }: RewritePlan, computed: string): boolean {
  return (
    [options.precision, computed].some((precision) => precision !== 'fp32') ||
    [input, output].some(({ type }) => type === 'float16')
  );
}
