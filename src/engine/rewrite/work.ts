import { byteReporter, type OnProgress } from '../../model/progress.ts';
import type { TowerContract } from '../../model/tower.ts';
import { ranOutOfMemory } from '../engine.ts';
import { filesOf, type Home, isUnfit } from './home.ts';
import type { RewritePlan } from './plan.ts';
import { prove } from './proof.ts';
import { proofInputs, type Vocabulary } from './proof-inputs.ts';
import { type HashedFile, hashModel, recallHashes } from './source.ts';
import { commit, findVerdict, keyOf } from './store.ts';
import type { Settled } from './verdict.ts';

/** One tower to be settled. */
export interface Task {
  readonly contract: TowerContract;
  readonly plan: RewritePlan;
  readonly home: Home;
  readonly threads: number;
  /** What progress is reported of. */
  readonly label: string;
}

/** A graph that was written, and what its proof has to know. */
export interface Rewritten {
  readonly contract: TowerContract;
  /** Of a text tower. */
  readonly vocabulary?: Vocabulary;
  /** `16 bits` where either graph computes, takes or gives any. */
  readonly precision: 'fp32' | '16 bits';
}

/** Recognises a graph and writes it anew to `target`, or says why it can't. */
export type Rewrite = (
  contract: TowerContract,
  plan: RewritePlan,
  target: string,
) => Promise<Rewritten | { readonly unrecognised: string }>;

/**
 * Settles which graph of a tower serves, and notes it: hashes the files where no note spares it, looks for the verdict of an
 * earlier start, else recognises, rewrites and proves.
 *
 * @throws Error of the file system, of memory that ran out, of an original that does not run: nothing is settled then
 */
export async function settle(task: Task, rewrite: Rewrite, onProgress: OnProgress): Promise<Settled> {
  const { contract, plan, home } = task;
  const { path } = contract;
  const key = keyOf((await recallHashes(home, path)) ?? (await hash(task, onProgress)), plan);
  const known = await findVerdict(home, key, 'hashes');
  if (known) return known;
  const verdict = await judge(task, key, rewrite, onProgress);
  await commit(home, key, plan, verdict);
  return verdict;
}

function hash({ home, contract, label }: Task, onProgress: OnProgress): Promise<readonly HashedFile[]> {
  let report: ((done: number) => void) | undefined;
  return hashModel(home, contract.path, (done, total) => {
    report ??= byteReporter(onProgress, label, 'checking', { start: 0, total, detail: contract.path });
    report(done);
  });
}

async function judge(task: Task, key: string, rewrite: Rewrite, onProgress: OnProgress): Promise<Settled> {
  const { contract, plan, home, threads, label } = task;
  onProgress({ task: label, phase: 'rewriting', done: 0, unit: 'steps' });
  const refuse = (reason: 'not_recognised' | 'not_proved', detail: string) =>
    ({ served: 'original', reason, detail }) as const;
  let rewritten: Awaited<ReturnType<Rewrite>>;
  try {
    rewritten = await rewrite(contract, plan, filesOf(home, key).graph);
  } catch (thrown) {
    if (isUnfit(thrown) || ranOutOfMemory(thrown)) throw thrown;
    return refuse('not_proved', `rewriting it failed: ${(thrown as Error).message}`);
  }
  if ('unrecognised' in rewritten) return refuse('not_recognised', rewritten.unrecognised);
  const proof = await prove(contract, rewritten.contract, {
    inputs: proofInputs(contract, rewritten.vocabulary),
    precision: rewritten.precision,
    threads,
    onStep: (done, total) => onProgress({ task: label, phase: 'proving', done, total, unit: 'steps' }),
  });
  if (!proof.holds) return refuse('not_proved', proof.reason);
  return { served: 'rewritten', reason: 'proved', contract: rewritten.contract };
}
