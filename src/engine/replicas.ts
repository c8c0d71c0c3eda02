import { availableParallelism } from 'node:os';
import type { Config, Device, ExecutorConfig } from '../config/config.ts';
import type { OnProgress } from '../model/progress.ts';
import type { ModelContract, TextInput, Tower } from '../model/tower.ts';
import type { EngineFactory } from './engine.ts';
import { onnxEngines, threadsPerReplica } from './onnx.ts';
import { testCard } from './onnx-open.ts';

/** The makers of all engines, each with its device and its share of the CPU's threads. */
export function replicaEngines(
  { executor, environment }: Pick<Config, 'executor' | 'environment'>,
  contract: ModelContract,
  probeText: TextInput,
  progress: OnProgress,
): Record<Tower, EngineFactory[]> {
  const threads = threadsPerReplica(executor.threads ?? availableParallelism(), executor.replicas);
  const visible = environment.CUDA_VISIBLE_DEVICES?.split(',') ?? [];
  const probes = { text: probeText, image: testCard(contract.image.resolution!) };
  const counted = countLoading(contract.name, 2 * executor.replicas, progress);
  const makers = (tower: Tower) =>
    threads.map((share, replica) => {
      const device = replicaDevice(executor, replica, visible);
      const { deviceIsExplicit } = executor;
      const settings = {
        contract: contract[tower],
        probe: probes[tower],
        threads: share,
        device,
        deviceIsExplicit,
      };
      return counted(onnxEngines(settings).create);
    });
  return { text: makers('text'), image: makers('image') };
}

/** CUDA numbers its devices by their place in the mask. */
export function replicaDevice(executor: ExecutorConfig, replica: number, visible: readonly string[]): Device {
  const bound = executor.replicaDevices[replica];
  if (bound === undefined) return executor.device;
  return { kind: executor.device.kind, index: Math.max(0, visible.indexOf(bound)) };
}

/** Tells how many engines are loaded, until all of them were once. */
function countLoading(model: string, total: number, progress: OnProgress) {
  let done = 0;
  const report = () => {
    const phase = done < total ? 'loading' : 'done';
    progress({ task: model, phase, done, total, unit: 'steps' });
  };
  report();
  return (create: EngineFactory): EngineFactory =>
    async (signal) => {
      const engine = await create(signal);
      if (done < total) {
        done++;
        report();
      }
      return engine;
    };
}
