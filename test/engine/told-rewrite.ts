import { appendFile, copyFile, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Rewrite } from '../../src/engine/rewrite/work.ts';
import type { TowerContract } from '../../src/model/tower.ts';

/** What is done in place of rewriting. */
export type Conduct =
  /** Gives another file as the rewritten graph. */
  | { readonly copy: string; readonly contract: TowerContract }
  | { readonly unrecognised: string }
  | { readonly fail: string }
  | { readonly fall: 'exit' | 'signal' }
  /** Begins to write and hangs. */
  | { readonly hang: true };

/**
 * Stands in for the rewriter: does as `conduct.json` beside the model says, and leaves a line in `runs.log` there. The image
 * tower is none of its business.
 */
export const rewriteAsTold: Rewrite = async (contract, plan, target) => {
  if (contract.tower === 'image') return { unrecognised: 'it is a picture' };
  const folder = dirname(contract.path);
  await appendFile(join(folder, 'runs.log'), `${process.pid}\n`);
  const conduct = JSON.parse(await readFile(join(folder, 'conduct.json'), 'utf8')) as Conduct;
  if ('unrecognised' in conduct) return conduct;
  if ('fail' in conduct) throw new Error(conduct.fail);
  if ('fall' in conduct) {
    process.stderr.write('the runtime fell over\n');
    if (conduct.fall === 'exit') process.exit(3);
    process.kill(process.pid, 'SIGSEGV');
  }
  if ('hang' in conduct) {
    await writeFile(target, 'half a graph');
    await new Promise((resolve) => setTimeout(resolve, 600_000));
  }
  const { copy, contract: made } = conduct as Extract<Conduct, { copy: string }>;
  await copyFile(copy, target);
  const cut = { lengths: plan.lengths, endToken: { rule: 'largest' } } as const;
  const vocabulary = { size: 49_408, endToken: cut.endToken };
  return { contract: { ...made, cut, path: target }, vocabulary, precision: 'fp32' };
};
