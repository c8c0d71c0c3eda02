import { mkdir } from 'node:fs/promises';
import { type LockOptions, withLock } from '../../model/lock.ts';
import type { OnProgress } from '../../model/progress.ts';
import { isUnfit, lockPath } from './home.ts';
import { type Outcome, settleInProcess } from './process.ts';
import { recallHashes } from './source.ts';
import { findVerdict, keyOf, sweep } from './store.ts';
import type { Settled } from './verdict.ts';
import type { Task } from './work.ts';

export interface SettleLimits extends LockOptions {
  /** ms that hashing, recognising, rewriting and proving one tower may take. */
  readonly settleMs: number;
}

export const SETTLE_LIMITS: SettleLimits = {
  staleMs: 10_000,
  pollMs: 200,
  waitMs: 1_200_000,
  settleMs: 600_000,
};

export interface SettleHooks {
  readonly progress: OnProgress;
  readonly signal: AbortSignal;
  readonly limits?: Partial<SettleLimits>;
  /** Does it in place of a process of its own. */
  readonly settle?: typeof settleInProcess;
}

/**
 * The verdict on a tower: of an earlier start, without a process or a byte of the weights; else of a process of its own. One
 * server at a time writes in a home, and others wait for what it comes to.
 *
 * @throws the signal's reason
 */
export async function settleAt(task: Task, hooks: SettleHooks): Promise<Outcome> {
  const { signal, progress } = hooks;
  const { home, label } = task;
  const limits = { ...SETTLE_LIMITS, ...hooks.limits };
  try {
    const known = await recall(task);
    if (known) return { verdict: known };
    await mkdir(home.folder, { recursive: true });
    const lock = lockPath(home);
    const onWait = () =>
      progress({ task: label, phase: 'waiting', done: 0, unit: 'steps', detail: `${lock}.lock` });
    return await withLock(lock, limits, signal, onWait, (held) =>
      settleAlone(task, hooks, limits.settleMs, held),
    );
  } catch (thrown) {
    signal.throwIfAborted();
    const { message } = thrown as Error;
    return isUnfit(thrown) ? { unfit: message } : { failure: message };
  }
}

async function settleAlone(
  task: Task,
  { progress, settle = settleInProcess }: SettleHooks,
  limitMs: number,
  signal: AbortSignal,
): Promise<Outcome> {
  const known = await recall(task);
  if (known) return { verdict: known };
  try {
    return await settle(task, { signal, limitMs, onProgress: progress });
  } finally {
    // A process that was ended has left what it had begun.
    await sweep(task.home);
  }
}

async function recall({ contract, plan, home }: Task): Promise<Settled | undefined> {
  const hashes = await recallHashes(home, contract.path);
  return hashes && findVerdict(home, keyOf(hashes, plan), 'stamps');
}
