import { basename } from 'node:path';
import type { ModelContract, TowerContract } from '../../model/tower.ts';
import type { Logger } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { Homes } from './homes.ts';
import { planOf } from './plan.ts';
import { type SettleHooks, settleAt } from './settle.ts';
import type { Verdict } from './verdict.ts';

export interface RewriteHooks extends SettleHooks {
  /** `off` serves every graph as it is. */
  readonly rewrite: 'auto' | 'off';
  /** Folder for what cannot lie beside the model. */
  readonly cache: string;
  readonly threads: number;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** What serves in a model's place: rewritten towers where that is proved, else its own. */
export interface ServedModel {
  readonly contract: ModelContract;
  /** Removes what was written for this process alone. */
  close(): Promise<void>;
}

/**
 * The towers that serve. One that cannot be rewritten serves as it is: the log says why, and a metric says which graph it is.
 * @throws the signal's reason
 */
export async function servedModel(contract: ModelContract, hooks: RewriteHooks): Promise<ServedModel> {
  const homes = new Homes(hooks.cache);
  try {
    const text = await servedTower(contract.name, contract.text, homes, hooks);
    const image = await servedTower(contract.name, contract.image, homes, hooks);
    return { contract: { ...contract, text, image }, close: () => homes.close() };
  } catch (error) {
    await homes.close();
    throw error;
  }
}

async function servedTower(
  model: string,
  contract: TowerContract,
  homes: Homes,
  hooks: RewriteHooks,
): Promise<TowerContract> {
  const { tower, path } = contract;
  const { log, metrics } = hooks;
  const verdict = await verdictOf(model, contract, homes, hooks);
  const { served, reason } = verdict;
  metrics.graphInfo.set({ tower, served, reason }, 1);
  if (served === 'rewritten') return verdict.contract;
  const sentence = `${path} is served as it is: ${verdict.detail}`;
  if (reason === 'not_proved' || reason === 'failed') log.warn(sentence);
  else log.debug(sentence);
  return contract;
}

async function verdictOf(
  model: string,
  contract: TowerContract,
  homes: Homes,
  hooks: RewriteHooks,
): Promise<Verdict> {
  const plan = planOf(contract);
  const original = (reason: 'failed' | 'off', detail: string) =>
    ({ served: 'original', reason, detail }) as const;
  if (hooks.rewrite === 'off') return original('off', 'rewriting is switched off');
  const label = `${model} ${basename(contract.path)}, graph`;
  const failures: string[] = [];
  for await (const home of homes.of(contract.path)) {
    const outcome = await settleAt({ contract, plan, home, threads: hooks.threads, label }, hooks);
    hooks.progress({ task: label, phase: 'done', done: 0, unit: 'steps' });
    if ('verdict' in outcome) return outcome.verdict;
    if ('failure' in outcome) return original('failed', outcome.failure);
    failures.push(outcome.unfit);
  }
  return original('failed', `no folder takes the rewritten graph: ${failures.join('; ')}`);
}
