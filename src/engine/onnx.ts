import { ClipError } from '../errors.ts';
import type { TowerInput } from '../model/tower.ts';
import type { Engine, EngineDescription, EngineFactory } from './engine.ts';
import { pack } from './onnx-feeds.ts';
import type { OnnxFacts, OnnxSettings } from './onnx-open.ts';
import { OnnxThread, type ThreadOptions } from './onnx-thread.ts';

export interface OnnxEngines {
  /** Rejects with engine_failed where the model does not load, or the device does not work and was asked for. */
  readonly create: EngineFactory;
  /**
   * Threads that are inside ONNX Runtime now. While there is one, the process must not end by `process.exit` nor by
   * running out of work: Node would wait for the thread, then abort with a core. `Addon.exitNow` ends it at once.
   */
  computing(): number;
}

/** Engines of ONNX Runtime for one tower of one replica, each in a worker thread. */
export function onnxEngines(settings: OnnxSettings, options?: ThreadOptions): OnnxEngines {
  const threads = new Set<OnnxThread>();
  const create = async (signal: AbortSignal) => {
    const thread = new OnnxThread(settings, options);
    threads.add(thread);
    void thread.ended.then(() => threads.delete(thread));
    try {
      return new OnnxEngine(thread, settings, await thread.opened(signal));
    } catch (error) {
      void thread.close();
      throw error;
    }
  };
  return { create, computing: () => [...threads].filter((thread) => thread.computing).length };
}

/** Shares `total` threads among the replicas as evenly as it goes; each has at least one. */
export function threadsPerReplica(total: number, replicas: number): number[] {
  const share = Math.floor(total / replicas);
  const rest = total % replicas;
  return Array.from({ length: replicas }, (_, i) => Math.max(1, share + (i < rest ? 1 : 0)));
}

/**
 * Of a run on one thread or two. Measured on ViT-B/32: 77 tokens, 32 rows take 5 % longer a text than 8; pictures, 32 rows on
 * two threads 9 % longer than 8; ViT-B/16, 8 rows (1,576 tokens) 9 % longer than 2. Fewer gain nothing.
 */
const CPU_TOKENS = 512;

class OnnxEngine implements Engine {
  readonly #thread: OnnxThread;
  readonly #settings: OnnxSettings;
  readonly #facts: OnnxFacts;

  constructor(thread: OnnxThread, settings: OnnxSettings, facts: OnnxFacts) {
    this.#thread = thread;
    this.#settings = settings;
    this.#facts = facts;
  }

  describe(): EngineDescription {
    const { contract, threads } = this.#settings;
    const precision = [contract.input.type, contract.output.type].includes('float16') ? 'fp16' : 'fp32';
    const bound = this.#facts.device === 'cpu' && { tokensPerRun: CPU_TOKENS * Math.max(1, threads / 2) };
    // A graph with a fixed batch is run once per row, or as often as it takes, so any number of rows does.
    return { runtime: 'onnxruntime', precision, ...this.#facts, ...bound };
  }

  async run(inputs: readonly TowerInput[], signal: AbortSignal): Promise<Float32Array> {
    for (const input of inputs) this.#check(input);
    return this.#thread.run(pack(inputs, this.#settings.contract.cut), signal);
  }

  async warm(signal: AbortSignal): Promise<number> {
    // At full length, which takes longest: the scheduler bounds every run by it.
    const start = performance.now();
    await this.#thread.run(pack([this.#settings.probe]), signal);
    return performance.now() - start;
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  /** Inputs are as long as the probe, which the graph took. */
  #check(input: TowerInput): void {
    const { contract, probe } = this.#settings;
    const [got, size] = [sizeOf(input), sizeOf(probe)];
    if (input instanceof Uint8Array !== probe instanceof Uint8Array || got !== size)
      throw new ClipError(
        'internal',
        `the ${contract.tower} tower takes inputs of ${size} numbers, got ${got}`,
      );
  }
}

function sizeOf(input: TowerInput): number {
  return input instanceof Uint8Array ? input.length : input.ids.length;
}
