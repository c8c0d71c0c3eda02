import type { TowerInput } from '../model/tower.ts';

export interface EngineDescription {
  readonly runtime: 'onnxruntime' | 'tensorrt' | 'fake';
  /** `cpu` or `cuda:N`. */
  readonly device: string;
  readonly precision: 'fp32' | 'fp16' | 'bf16';
  /** Of a plan of TensorRT: the recipe that it was built by. */
  readonly recipe?: string;
  /** Length of a vector. */
  readonly width: number;
  /** True where the graph itself gives vectors of length 1. */
  readonly normalised: boolean;
  /** Rows × tokens of a run from which on an item takes longer, for what a layer computes leaves the processor's caches. */
  readonly tokensPerRun?: number;
  /** A line to log where the engine is not what was asked for, for example the CPU in place of CUDA. */
  readonly notice?: string;
}

/**
 * One tower of a model on one device. One run at a time.
 *
 * `run` resolves to float32 rows, `inputs.length × width`, in the order of the inputs, as the graph gave them: the
 * scheduler checks count and values. It rejects with a ClipError (`engine_failed`); a rejected or overdue engine is
 * closed and replaced, never used again. `signal` ends the wait, not necessarily the computation.
 */
export interface Engine {
  describe(): EngineDescription;
  run(inputs: readonly TowerInput[], signal: AbortSignal): Promise<Float32Array>;
  /** Runs once and measures it; resolves to milliseconds per item. */
  warm(signal: AbortSignal): Promise<number>;
  /** Ends the engine once no run is in flight; an engine that hangs is abandoned. Idempotent. */
  close(): Promise<void>;
}

/** Makes one tower's engine of one replica, at start and each time it is replaced. */
export type EngineFactory = (signal: AbortSignal) => Promise<Engine>;

/**
 * How a GPU was lost to this process: by a CUDA error that every later call repeats, by a run that it did not finish, or by
 * giving other vectors than it gave when its plan was proved.
 */
export type LostCause = 'sticky' | 'hung' | 'canary';

/** The engines of one tower of one replica, which share its part of the machine. */
export interface EngineTeam {
  /** At least one; they run side by side. */
  readonly members: readonly EngineFactory[];
  /**
   * Engines with a part each of the one member's threads, made where that turns out to be on the CPU. They run side by side
   * while enough waits for all of them, and it runs while none of them does.
   */
  readonly parts?: readonly EngineFactory[];
}

const MEMORY = /out of memory|failed to allocate|bad_alloc|bad allocation/i;

/** True where an engine's error says that the memory did not suffice: with less work, or later, it may. */
export function ranOutOfMemory(error: unknown): boolean {
  return MEMORY.test((error as Error).message);
}
