import { availableParallelism } from 'node:os';
import type { Config } from '../../config/config.ts';
import { ClipError } from '../../errors.ts';
import type { OnProgress } from '../../model/progress.ts';
import type { ImageInput, ModelContract, TextInput, Tower } from '../../model/tower.ts';
import { openTensorRt, type TensorRtError } from '../../native/tensorrt.ts';
import type { Logger } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { testCard } from '../onnx-open.ts';
import { replicaDevice } from '../replicas.ts';
import { obtainPlan, type PlannedTower } from './build-plan.ts';
import type { OnLost } from './engine.ts';
import { openEngines } from './engines.ts';
import { canaryInput, parityInputs } from './parity-inputs.ts';
import { PlanStore } from './plan-store.ts';
import { towerRecipe } from './recipes.ts';

/** TensorRT's libraries as the host's examination found them. */
export interface TensorRtPaths {
  readonly major: 10 | 11;
  readonly infer: string;
  /** Absent where plans can be run and none can be built. */
  readonly parser?: string;
  /** Why none can be built. */
  readonly noBuilder?: string;
}

export interface GpuHooks {
  readonly tensorrt: TensorRtPaths;
  readonly onLost: OnLost;
}

export interface TensorRtHooks {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly progress: OnProgress;
  readonly signal: AbortSignal;
  /** The server's own ways from what a client sends to what a tower takes. */
  readonly encode: (text: string) => TextInput;
  readonly crop: (file: Uint8Array) => Promise<ImageInput>;
  readonly gpu: GpuHooks;
  readonly probe: TextInput;
}

/**
 * Engines of TensorRT for both towers of the model. Their plans are taken from the cache, or built in processes of their own.
 *
 * @throws ClipError engine_failed with why TensorRT cannot serve; ConfigError of a recipe; the signal's reason
 */
export async function serveByTensorRt(config: Config, model: ModelContract, hooks: TensorRtHooks) {
  const { executor, limits, engines, files } = config;
  const { log, metrics, progress, signal, gpu, probe, encode, crop } = hooks;
  const store = await PlanStore.open(engines, { log, metrics });
  const side = model.image.resolution!;
  const plan = async (device: number, tower: Tower): Promise<PlannedTower> => {
    const label = `${model.name} ${tower}, engine`;
    const planned = await obtainPlan({
      store,
      model: model.name,
      contract: model[tower],
      recipe: await towerRecipe(model.name, tower),
      cache: files.cache,
      libraries: gpu.tensorrt,
      environment: process.env,
      device,
      inputs: () => parityInputs(tower, { encode, crop, side }),
      threads: executor.threads ?? availableParallelism(),
      limitMs: engines.buildMs,
      metrics,
      label,
      log,
      progress,
      signal,
      ...(gpu.tensorrt.noBuilder !== undefined && { noBuilder: gpu.tensorrt.noBuilder }),
    });
    progress({ task: label, phase: 'done', done: 0, unit: 'steps' });
    return planned;
  };
  const visible = config.environment.CUDA_VISIBLE_DEVICES?.split(',') ?? [];
  const devices = Array.from(
    { length: executor.replicas },
    (_, replica) => replicaDevice(executor, replica, visible).index,
  );
  const canary = (tower: Tower) => canaryInput(tower, { encode, side });
  try {
    const { contracts, teams, close } = await openEngines({
      tensorRt: openTensorRt(gpu.tensorrt),
      devices,
      plansFor: async (device) => ({ text: await plan(device, 'text'), image: await plan(device, 'image') }),
      canaries: { text: canary('text'), image: canary('image') },
      probes: { text: probe, image: testCard(side) },
      hangMs: limits.engineMs,
      canaryMs: executor.canaryMs,
      onLost: gpu.onLost,
      metrics,
      log,
    });
    const end = async () => {
      await close();
      store.close();
    };
    return { contract: { ...model, ...contracts }, engines: teams, close: end };
  } catch (thrown) {
    store.close();
    const { code, message } = thrown as TensorRtError;
    if (code !== 'sticky' && code !== 'hung') throw thrown;
    const error = new ClipError('engine_failed', `TensorRT: ${message}`, { cause: thrown });
    gpu.onLost(code, error);
    throw error;
  }
}
