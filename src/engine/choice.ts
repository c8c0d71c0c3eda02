import { availableParallelism } from 'node:os';
import { type Config, ConfigError } from '../config/config.ts';
import type { OnProgress } from '../model/progress.ts';
import type { ImageInput, ModelContract, TextInput, Tower } from '../model/tower.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { EngineTeam } from './engine.ts';
import { type Instead, refuseWithoutFallback } from './instead.ts';
import { replicaEngines } from './replicas.ts';
import { servedModel } from './rewrite/towers.ts';
import { type GpuHooks, serveByTensorRt } from './tensorrt/serve.ts';

export interface ChoiceHooks {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly progress: OnProgress;
  readonly signal: AbortSignal;
  /** The server's own ways from what a client sends to what a tower takes. */
  readonly encode: (text: string) => TextInput;
  readonly crop: (file: Uint8Array) => Promise<ImageInput>;
  /** Present where the flow asks for TensorRT and the host can run it. */
  readonly gpu?: GpuHooks;
  /** Present where the flow asks for TensorRT and the host cannot run it. */
  readonly instead?: Instead;
}

/** What serves a model. */
export interface Chosen {
  /** Of the graphs that serve. */
  readonly contract: ModelContract;
  readonly engines: Readonly<Record<Tower, readonly EngineTeam[]>>;
  readonly instead?: Instead;
  /** To be called once no engine is in use. */
  close(): Promise<void>;
}

const PROBE = 'a photo of a cat';

/**
 * TensorRT where there is a plan for both towers; else, by one notice, ONNX Runtime for both.
 *
 * @throws ConfigError where the flow takes nothing but TensorRT; the signal's reason
 */
export async function chooseEngines(
  config: Config,
  contract: ModelContract,
  hooks: ChoiceHooks,
): Promise<Chosen> {
  const { gpu, signal, log } = hooks;
  let { instead } = hooks;
  if (gpu) {
    try {
      return await serveByTensorRt(config, contract, { ...hooks, gpu, probe: hooks.encode(PROBE) });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ConfigError) throw error;
      instead = { reason: 'plan', words: (error as Error).message };
      refuseWithoutFallback(config, instead);
      log.warn(`a TensorRT flow, and TensorRT cannot serve it: ${instead.words}; ONNX Runtime serves it`);
    }
  }
  return { ...(await serveByOnnxRuntime(config, contract, hooks)), ...(instead && { instead }) };
}

async function serveByOnnxRuntime(
  config: Config,
  contract: ModelContract,
  hooks: ChoiceHooks,
): Promise<Chosen> {
  const { executor, files } = config;
  const { contract: served, close } = await servedModel(contract, {
    ...hooks,
    rewrite: executor.rewrite,
    cache: files.cache,
    threads: executor.threads ?? availableParallelism(),
  });
  const engines = replicaEngines(config, served, hooks.encode(PROBE), hooks.progress);
  return { contract: served, engines, close };
}
