import { ClipError } from '../errors.ts';
import type { TextInput, Tower } from '../model/tower.ts';
import type { Batch, Engine, EngineDescription, EngineFactory } from './engine.ts';
import { type Packed, packImages, packTexts } from './onnx-feeds.ts';
import { type OnnxFacts, type OnnxSettings, testCard } from './onnx-model.ts';
import { OnnxThread } from './onnx-thread.ts';

export interface OnnxEngines {
  /** Rejects with engine_failed where the model does not load, or the device does not work and was asked for. */
  readonly create: EngineFactory;
  /**
   * Threads that are inside ONNX Runtime now. While there is one, the process must not end by `process.exit` nor by
   * running out of work: Node would wait for the thread, then abort with a core. SIGKILL to itself ends it at once.
   */
  computing(): number;
}

/** Engines of ONNX Runtime for one replica, each in a worker thread. */
export function onnxEngines(settings: OnnxSettings): OnnxEngines {
  const threads = new Set<OnnxThread>();
  const create = async (signal: AbortSignal) => {
    const thread = new OnnxThread(settings);
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
    const { text, image } = this.#settings.contract;
    const halves = [text, image].some(({ input, output }) => [input.type, output.type].includes('float16'));
    return {
      runtime: 'onnxruntime',
      precision: halves ? 'fp16' : 'fp32',
      // A graph with a fixed batch is run once per row, or as often as it takes.
      maxBatch: { text: undefined, image: undefined },
      ...this.#facts,
    };
  }

  async run({ tower, inputs }: Batch, signal: AbortSignal): Promise<Float32Array> {
    return this.#thread.run(tower, this.#pack(tower, inputs), signal);
  }

  async warm(signal: AbortSignal): Promise<Record<Tower, number>> {
    const { contract, probe } = this.#settings;
    const time = async (tower: Tower, input: TextInput | Uint8Array) => {
      const start = performance.now();
      await this.run({ tower, inputs: [input] }, signal);
      return performance.now() - start;
    };
    return {
      text: await time('text', probe),
      image: await time('image', testCard(contract.image.resolution!)),
    };
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  #pack(tower: Tower, inputs: Batch['inputs']): Packed {
    const { contract, probe } = this.#settings;
    const size = tower === 'text' ? probe.ids.length : 3 * contract.image.resolution! ** 2;
    for (const input of inputs) {
      const got = input instanceof Uint8Array ? input.length : input.ids.length;
      if ((tower === 'image') !== input instanceof Uint8Array || got !== size)
        throw new ClipError('internal', `the ${tower} tower takes inputs of ${size} numbers, got ${got}`);
    }
    return tower === 'text' ? packTexts(inputs as TextInput[]) : packImages(inputs as Uint8Array[]);
  }
}
