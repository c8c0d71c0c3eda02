import { recognise } from '../../model/architecture/recognise.ts';
import { readOnnx } from '../../model/onnx/read.ts';
import { rewriteTower } from '../../model/rewrite/rewrite.ts';
import type { TowerContract } from '../../model/tower.ts';
import type { RewritePlan } from './plan.ts';
import type { Rewrite, Rewritten } from './work.ts';

/** Reads what a tower is from its graph's structure, and builds it anew by the plan. */
export const rewriteRecognised: Rewrite = async (contract, plan, target) => {
  const recognition = await recognise(await readOnnx(contract.path), contract);
  if ('reason' in recognition) return { unrecognised: recognition.reason };
  const { architecture } = recognition;
  // Whoever wants this to end ends the process.
  const built = await rewriteTower(architecture, plan.options, target, new AbortController().signal);
  const rewritten = { contract: built, precision: halfOrNot(contract, plan, architecture.precision) };
  if (architecture.family !== 'text') return rewritten;
  const { endToken, tokens } = architecture;
  return {
    ...rewritten,
    contract: { ...built, cut: { lengths: plan.lengths, endToken } },
    vocabulary: { size: tokens.dims[0]!, endToken },
  };
};

/** `16 bits` where either graph computes, takes or gives any. */
function halfOrNot(
  { input, output }: TowerContract,
  { options }: RewritePlan,
  computed: string,
): Rewritten['precision'] {
  const is32 = [options.precision, computed].every((precision) => precision === 'fp32');
  return is32 && [input, output].every(({ type }) => type !== 'float16') ? 'fp32' : '16 bits';
}
