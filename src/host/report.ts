import { availableParallelism, cpus } from 'node:os';
import { dirname } from 'node:path';
import type { ChildFailure } from '../child.ts';
import { type DriverProbe, loadAddon } from '../native/addon.ts';
import { moduleObstacle } from '../native/tensorrt.ts';
import { type AskOptions, askHost } from './ask.ts';
import {
  type Attempt,
  type BuilderResources,
  findBuilderResources,
  findTensorRt,
  isLoaded,
  type TensorRtLibraries,
} from './libraries.ts';
import { onnxRuntimeVersion } from './onnxruntime.ts';
import { isServed, majorOf } from './tensorrt-version.ts';

/** What TensorRT depends on, as it was found. */
export interface GpuFacts {
  readonly driver: DriverProbe | ChildFailure;
  /** `builderResources` are those beside the library that would serve. */
  readonly tensorrt: TensorRtLibraries &
    BuilderResources & {
      /** Why this server has no module for it. */
      readonly moduleObstacle?: string;
    };
  /** Absent where the C library is another. */
  readonly glibc?: string;
}

/** What a host has, as it was found. */
export interface HostFacts extends GpuFacts {
  /** `v22.11.0`. */
  readonly node: string;
  /** `linux-x64`. */
  readonly platform: string;
  readonly processor: Processor;
  readonly onnxRuntime: {
    readonly version: string;
    readonly cpu: Provider;
    readonly cuda: Provider;
  };
}

interface Provider {
  /** Whether it opens a graph. */
  readonly works: boolean;
  /** Why it does not, in ONNX Runtime's words. */
  readonly error?: string;
}

interface Processor {
  readonly model: string;
  /** Threads that this process may use at a time. */
  readonly threads: number;
  /** Versions of the addon's resize that it can run, the fastest first. */
  readonly kernels: readonly string[];
  /** Why there are none. */
  readonly error?: string;
}

const PROVIDERS = [
  { ask: 'onnxruntime', provider: 'cpu' },
  { ask: 'onnxruntime', provider: 'cuda' },
] as const;

/** ms that a process gets that loads libraries: those of TensorRT have hundreds of MB, and a driver may hang. */
export const EXAMINATION_MS = 20_000;

/**
 * Looks at the host. Everything that loads a library of the GPU's happens in other processes, each with a bound.
 * @throws the signal's reason
 */
export async function examineHost(options: AskOptions): Promise<HostFacts> {
  const asked = [examineGpu(options), askHost(PROVIDERS, options)] as const;
  // No process outlives this.
  await Promise.allSettled(asked);
  const [gpu, providers] = await Promise.all(asked);
  const [cpu, cuda] = providers.map((answer) => {
    const error = 'failure' in answer ? answer.failure : answer.error;
    return { works: error === undefined, error };
  });
  return {
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    processor: processor(),
    ...gpu,
    onnxRuntime: { version: onnxRuntimeVersion(), cpu: cpu!, cuda: cuda! },
  };
}

/**
 * The part of it that TensorRT depends on.
 * @throws the signal's reason
 */
export async function examineGpu(options: AskOptions): Promise<GpuFacts> {
  const asked = [askHost([{ ask: 'driver' }], options), findTensorRt(options)] as const;
  await Promise.allSettled(asked);
  const [[driver], libraries] = await Promise.all(asked);
  const infer = servedInfer(libraries);
  const resources = infer
    ? await findBuilderResources(dirname(infer.path!), options)
    : { builderResources: [] };
  const obstacle = infer && moduleObstacle(majorOf(infer.version!));
  return {
    driver: driver!,
    tensorrt: { ...libraries, ...resources, ...(obstacle && { moduleObstacle: obstacle }) },
    ...glibcVersion(),
  };
}

/**
 * The libnvinfer that serves, of a version that is served: the newest that the loader finds by itself, else the newest of
 * a folder, which a serving process is told by LD_LIBRARY_PATH.
 */
export function servedInfer({ infer }: Pick<TensorRtLibraries, 'infer'>): Attempt | undefined {
  const served = infer.filter((attempt) => isLoaded(attempt) && isServed(attempt.version ?? 0));
  return served.find(({ asked }) => !asked.includes('/')) ?? served[0];
}

function processor(): Processor {
  const about = { model: cpus()[0]?.model.trim() ?? 'unknown', threads: availableParallelism() };
  try {
    return { ...about, kernels: loadAddon().kernels };
  } catch (error) {
    return { ...about, kernels: [], error: (error as Error).message };
  }
}

function glibcVersion(): Pick<GpuFacts, 'glibc'> {
  // Else the report looks up the names of all sockets' ends.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const { glibcVersionRuntime: glibc } = header;
  return glibc === undefined ? {} : { glibc };
}
