import { availableParallelism } from 'node:os';
import type { Config } from './config/config.ts';
import { obtainPlan, type PlannedTower } from './engine/tensorrt/build-plan.ts';
import { parityInputs } from './engine/tensorrt/parity-inputs.ts';
import type { Recipe, TowerRecipe } from './engine/tensorrt/plan.ts';
import { PlanStore } from './engine/tensorrt/plan-store.ts';
import { towerRecipe } from './engine/tensorrt/recipes.ts';
import { type FoundTensorRt, withLibraries } from './host/verdict.ts';
import { prepareModel } from './model/prepare.ts';
import type { OnProgress } from './model/progress.ts';
import type { Tower } from './model/tower.ts';
import { loadAddon } from './native/addon.ts';
import type { Logger } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { ImagePreprocessor } from './preprocess/image/preprocessor.ts';
import { createTokenizer } from './preprocess/text/tokenizer.ts';

/** Whose engines are wanted, and what is to be other than its recipe says. */
export interface BuildRequest {
  readonly model: { readonly name: string; readonly modelPath?: string };
  /** CUDA's index. */
  readonly device: number;
  /** Alone; a graph that is not recognised is built as it is all the same. */
  readonly recipe?: Recipe;
  readonly maxBatch?: number;
}

export interface BuildHooks {
  readonly tensorrt: FoundTensorRt;
  readonly log: Logger;
  readonly progress: OnProgress;
  readonly signal: AbortSignal;
  /** Takes each engine once it is there, the text tower's first. */
  readonly onEngine: (planned: PlannedTower) => void;
}

/**
 * Sees to it that the cache has the engines of both towers of a model: finds them there, or builds and proves them.
 * @throws ConfigError; ClipError model_unavailable, model_invalid, engine_failed; the signal's reason
 */
export async function buildEngines(
  { model, device, recipe, maxBatch }: BuildRequest,
  config: Config,
  { tensorrt, log, progress, signal, onEngine }: BuildHooks,
): Promise<void> {
  const { contract, warnings } = await prepareModel(model, config.files, { log, progress, signal });
  for (const warning of warnings) log.warn(warning);
  const tokenizer = await createTokenizer(contract, config.limits);
  const resolution = contract.image.resolution!;
  const metrics = new Metrics();
  const images = new ImagePreprocessor({
    resolution,
    workers: 1,
    limits: config.limits,
    addon: loadAddon(),
    metrics,
  });
  const means = {
    encode: (text: string) => tokenizer.encode(text),
    crop: (file: Uint8Array) => images.fromBytes(file, signal),
    side: resolution,
  };
  const recipeOf = async (tower: Tower): Promise<TowerRecipe> => ({
    ...(await towerRecipe(contract.name, tower)),
    ...(recipe && { recipes: [recipe] }),
    ...(maxBatch !== undefined && { maxBatch }),
  });
  const store = await PlanStore.open(config.engines, { log });
  try {
    for (const tower of ['text', 'image'] as const) {
      const planned = await obtainPlan({
        store,
        model: contract.name,
        contract: contract[tower],
        recipe: await recipeOf(tower),
        cache: config.files.cache,
        libraries: tensorrt,
        environment: withLibraries(process.env, tensorrt),
        device,
        inputs: () => parityInputs(tower, means),
        threads: config.executor.threads ?? availableParallelism(),
        limitMs: config.engines.buildMs,
        label: `${contract.name} ${tower}, engine`,
        metrics,
        log,
        progress,
        signal,
      });
      progress({ task: `${contract.name} ${tower}, engine`, phase: 'done', done: 0, unit: 'steps' });
      onEngine(planned);
    }
  } finally {
    store.close();
    images.close();
  }
}
