import type { Config } from '../../config/config.ts';
import type { OnProgress } from '../../model/progress.ts';
import type { ModelContract, TextInput, Tower } from '../../model/tower.ts';
import type { Logger } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { EngineFactory } from '../engine.ts';
import type { OnLost } from './engine.ts';

/** TensorRT's libraries as the host's examination found them. */
export interface TensorRtPaths {
  readonly major: number;
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
  readonly encode: (text: string) => TextInput;
  readonly gpu: GpuHooks;
  readonly probe: TextInput;
}

/**
 * Engines of TensorRT for both towers of the model, whose plans are taken from the cache or built, in another process.
 *
 * @throws Error with why TensorRT cannot serve; ConfigError of a recipe; the signal's reason
 */
export async function serveByTensorRt(
  _config: Config,
  _contract: ModelContract,
  { gpu: _gpu }: TensorRtHooks,
): Promise<{
  readonly contract: ModelContract;
  readonly engines: Readonly<Record<Tower, readonly EngineFactory[]>>;
  close(): Promise<void>;
}> {
  throw new Error('TEMPORARY');
}
