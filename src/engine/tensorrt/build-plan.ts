import { ClipError } from '../../errors.ts';
import { REWRITER_VERSION } from '../../model/rewrite/rewrite.ts';
import type { TowerContract } from '../../model/tower.ts';
import { batchesDown, workspacesDown } from './building/attempts.ts';
import { type BuilderOptions, PlanBuilder } from './building/builder.ts';
import type { Examined } from './building/messages.ts';
import { askBuilder } from './building/process.ts';
import type { PlanKey, ProvedPlan, Recipe, Refusal, TowerRecipe } from './plan.ts';
import type { PlanStore } from './plan-store.ts';
import { profilesOf } from './profiles.ts';

export interface PlanOptions extends BuilderOptions {
  readonly store: Pick<PlanStore, 'find' | 'obtain' | 'timingCache' | 'keepTimingCache'>;
  readonly recipe: TowerRecipe;
  /** Folder of all models. */
  readonly cache: string;
  /** Why none can be built here, a clause; absent where that can be. */
  readonly noBuilder?: string;
  readonly signal: AbortSignal;
}

/** A tower's plan, and the contract of the graph that it was built of, its columns those of the profiles. */
export interface PlannedTower {
  readonly contract: TowerContract;
  readonly proved: ProvedPlan;
}

/** ms that looking at device and model gets: a driver may hang, and the weights are read once. */
const EXAMINE_MS = 300_000;

/**
 * A plan that passed the parity gate: of the store, else built by the first recipe that passes. A build that lacks memory is
 * tried again with less workspace, then for smaller batches.
 *
 * @throws ClipError engine_failed with each recipe's figures where none passes, or where the time is used up; the signal's reason
 */
export async function obtainPlan(options: PlanOptions): Promise<PlannedTower> {
  const examined = await examine(options);
  const search = new Search(options, examined);
  const refusals: string[] = [];
  for (const recipe of search.recipes) {
    const found = await search.find(recipe);
    if (found && 'record' in found) return search.planned(recipe, found);
    const outcome = found ?? (await search.build(recipe));
    if ('record' in outcome) return search.planned(recipe, outcome);
    const reason = 'refused' in outcome ? outcome.refused : outcome.failed;
    options.log.warn(`${options.label}: ${recipe} does not serve: ${reason}`);
    refusals.push(`${recipe}: ${reason}`);
  }
  throw new ClipError('engine_failed', `${options.label}: no plan serves: ${refusals.join('; ')}`);
}

async function examine(options: PlanOptions): Promise<Examined> {
  const { libraries, device, contract, cache, environment, label, log, progress, signal } = options;
  const { ask = askBuilder } = options;
  const answer = await ask(
    { do: 'examine', libraries, device, contract, cache },
    { environment, label, log, onProgress: progress, signal, limitMs: EXAMINE_MS },
  );
  if ('failure' in answer)
    throw new ClipError('engine_failed', `${label}: TensorRT cannot be opened: ${answer.failure}`);
  const { graph } = answer;
  if ('unrecognised' in graph)
    log.info(`${label}: built as it is, for its structure is not recognised: ${graph.unrecognised}`);
  return answer;
}

/** Finds and builds the plans of one tower on one device. */
class Search {
  readonly #options: PlanOptions;
  readonly #examined: Examined;
  readonly #builder: PlanBuilder;

  constructor(options: PlanOptions, examined: Examined) {
    this.#options = options;
    this.#examined = examined;
    this.#builder = new PlanBuilder(options);
  }

  get recipes(): readonly Recipe[] {
    return 'unrecognised' in this.#examined.graph ? ['original'] : this.#options.recipe.recipes;
  }

  planned(recipe: Recipe, proved: ProvedPlan): PlannedTower {
    return { contract: this.#graph(recipe), proved };
  }

  /** The plan of an earlier build, for the largest batch that there is one for; or why it did not pass. */
  async find(recipe: Recipe): Promise<ProvedPlan | Refusal | undefined> {
    const { store, signal } = this.#options;
    for (const rows of this.#batches(recipe)) {
      const found = await store.find(this.#key(recipe, rows), signal);
      if ('record' in found || 'refused' in found) return found;
    }
    return undefined;
  }

  async build(recipe: Recipe): Promise<ProvedPlan | Refusal | { readonly failed: string }> {
    const { noBuilder, label } = this.#options;
    if (noBuilder !== undefined)
      throw new ClipError(
        'engine_failed',
        `${label}: no plan is in the cache, and none can be built: ${noBuilder}`,
      );
    let words = '';
    for (const rows of this.#batches(recipe)) {
      const outcome = await this.#buildFor(recipe, rows);
      if (!('memory' in outcome)) return outcome;
      words = outcome.memory;
    }
    return { failed: `the memory does not suffice for one row: ${words}` };
  }

  async #buildFor(
    recipe: Recipe,
    rows: number,
  ): Promise<ProvedPlan | Refusal | { readonly failed: string } | { readonly memory: string }> {
    const { store, progress, label, signal } = this.#options;
    const key = this.#key(recipe, rows);
    try {
      const gpu = this.#examined.device.uuid;
      const hooks = { gpu, progress, label, signal };
      return await store.obtain(key, (held) => this.#attempt(key, rows, held), hooks);
    } catch (thrown) {
      if (thrown instanceof NothingBuilt) return thrown.outcome;
      throw thrown;
    }
  }

  /** @throws NothingBuilt where another batch, or another recipe, may do better */
  async #attempt(key: PlanKey, rows: number, signal: AbortSignal) {
    const { store, recipe, log, label } = this.#options;
    const { recipe: name, profiles, optimisationLevel } = key;
    const timingCache = await store.timingCache(key);
    const isFirst = rows === this.#batches(name)[0];
    let words = '';
    for (const workspaceBytes of workspacesDown(recipe.workspaceBytes, isFirst)) {
      const wish = { recipe: name, profiles, optimisationLevel, timingCache, maxBatch: rows, workspaceBytes };
      const attempt = await this.#builder.build(wish, signal);
      if ('built' in attempt) {
        await store.keepTimingCache(key, attempt.timings);
        return attempt.built;
      }
      if ('refused' in attempt) return attempt.refused;
      if ('failed' in attempt) throw new NothingBuilt(attempt);
      words = attempt.memory;
      log.warn(`${label}: the memory does not suffice for that: ${words}`);
    }
    throw new NothingBuilt({ memory: words });
  }

  #batches(recipe: Recipe): number[] {
    const { fixedBatch } = this.#graph(recipe);
    return fixedBatch ? [fixedBatch] : batchesDown(this.#options.recipe.maxBatch);
  }

  #graph(recipe: Recipe): TowerContract {
    const { graph } = this.#examined;
    return recipe === 'original' || 'unrecognised' in graph ? this.#options.contract : graph;
  }

  #key(recipe: Recipe, rows: number): PlanKey {
    const { version, device, weights } = this.#examined;
    const { name, computeCapability, multiprocessors, memoryBytes, driverVersion } = device;
    return {
      weights,
      rewriterVersion: REWRITER_VERSION,
      tower: this.#options.contract.tower,
      recipe,
      profiles: profilesOf(this.#graph(recipe), rows),
      optimisationLevel: this.#options.recipe.optimisationLevel,
      tensorrt: version,
      driverMajor: Math.trunc(driverVersion / 1000),
      gpu: name,
      computeCapability,
      multiprocessors,
      memoryBytes,
      platform: `${process.platform}-${process.arch}`,
    };
  }
}

/** Ends a turn at the store without anything to be kept. */
class NothingBuilt extends Error {
  readonly outcome: { readonly failed: string } | { readonly memory: string };

  constructor(outcome: NothingBuilt['outcome']) {
    super('failed' in outcome ? outcome.failed : outcome.memory);
    this.outcome = outcome;
  }
}
