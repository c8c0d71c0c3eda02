import { availableParallelism, totalmem } from 'node:os';
import type { Config, Device, ExecutorConfig } from '../config/config.ts';
import type { OnProgress } from '../model/progress.ts';
import type { ModelContract, TextInput, Tower } from '../model/tower.ts';
import type { EngineFactory, EngineTeam } from './engine.ts';
import { onnxEngines, threadsPerReplica } from './onnx.ts';
import { testCard } from './onnx-open.ts';

/**
 * Engines that share a CPU replica's threads while many pictures wait. A run on several threads waits for the slowest at each
 * operator: with a fifth of one of two cores taken by other work, one session on both gave 36 pictures/s (ViT-B/32) and two
 * of one thread each 42; undisturbed they are equally fast. More of them would each hold the weights once more.
 */
const HALVES = 2;

/** Of the memory, what all parts' copies of the weights may take: a small container serves without them. */
const PARTS_MEMORY = 1 / 8;

/** The makers of all engines, each with its device and its share of the CPU's threads. */
export function replicaEngines(
  { executor, environment }: Pick<Config, 'executor' | 'environment'>,
  contract: ModelContract,
  probeText: TextInput,
  progress: OnProgress,
): Record<Tower, EngineTeam[]> {
  const threads = threadsPerReplica(executor.threads ?? availableParallelism(), executor.replicas);
  const visible = environment.CUDA_VISIBLE_DEVICES?.split(',') ?? [];
  const probes = { text: probeText, image: testCard(contract.image.resolution!) };
  const loading = new Loading(contract.name, progress);
  const teams = (tower: Tower) =>
    threads.map((share, replica): EngineTeam => {
      const device = replicaDevice(executor, replica, visible);
      const { deviceIsExplicit } = executor;
      const common = { contract: contract[tower], probe: probes[tower], device, deviceIsExplicit };
      const maker = (threads: number) => onnxEngines({ ...common, threads }).create;
      if (tower === 'text' || share < HALVES || !hasMemoryForParts(contract.image.bytes * threads.length))
        return { members: [loading.member(maker(share), 0)] };
      const parts = threadsPerReplica(share, HALVES).map((part) => loading.part(maker(part)));
      return { members: [loading.member(maker(share), parts.length)], parts };
    });
  return { text: teams('text'), image: teams('image') };
}

/** Each part packs the weights for itself: 342 MB of ViT-B/32's. */
function hasMemoryForParts(bytes: number): boolean {
  const memory = Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
  return HALVES * bytes <= PARTS_MEMORY * memory;
}

/** CUDA numbers its devices by their place in the mask. */
export function replicaDevice(executor: ExecutorConfig, replica: number, visible: readonly string[]): Device {
  const bound = executor.replicaDevices[replica];
  if (bound === undefined) return executor.device;
  return { kind: executor.device.kind, index: Math.max(0, visible.indexOf(bound)) };
}

/** Tells how many engines are loaded, until all of them were once. */
class Loading {
  readonly #model: string;
  readonly #progress: OnProgress;
  #total = 0;
  #done = 0;

  constructor(model: string, progress: OnProgress) {
    this.#model = model;
    this.#progress = progress;
  }

  /** `parts` are loaded after it where it is on the CPU. */
  member(create: EngineFactory, parts: number): EngineFactory {
    this.#total++;
    let isFirst = true;
    return this.part(async (signal) => {
      const engine = await create(signal);
      if (isFirst && engine.describe().device === 'cpu') this.#total += parts;
      isFirst = false;
      return engine;
    });
  }

  part(create: EngineFactory): EngineFactory {
    return async (signal) => {
      if (this.#done === 0) this.#report();
      const engine = await create(signal);
      if (this.#done < this.#total) {
        this.#done++;
        this.#report();
      }
      return engine;
    };
  }

  #report(): void {
    const phase = this.#done < this.#total ? 'loading' : 'done';
    this.#progress({ task: this.#model, phase, done: this.#done, total: this.#total, unit: 'steps' });
  }
}
