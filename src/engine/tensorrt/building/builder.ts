import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChildFailure } from '../../../child.ts';
import { ClipError } from '../../../errors.ts';
import type { OnProgress } from '../../../model/progress.ts';
import type { TowerContract } from '../../../model/tower.ts';
import type { Profile, TensorRtFault } from '../../../native/tensorrt.ts';
import type { Logger } from '../../../observe/log.ts';
import type { Metrics } from '../../../observe/metrics.ts';
import { ranOutOfMemory } from '../../engine.ts';
import type { ParityInput } from '../parity-inputs.ts';
import type { Recipe } from '../plan.ts';
import type { Built } from '../plan-store.ts';
import { type BuildOutcome, type Failed, type Libraries, PLAN_FILE, TIMINGS_FILE } from './messages.ts';
import { askBuilder } from './process.ts';

export interface BuilderOptions {
  readonly model: string;
  readonly contract: TowerContract;
  readonly libraries: Libraries;
  /** Of the processes: LD_LIBRARY_PATH names the folder of TensorRT's libraries. */
  readonly environment: NodeJS.ProcessEnv;
  /** CUDA's index. */
  readonly device: number;
  /** The inputs of the gate; asked for once, and only where something is built. */
  readonly inputs: () => Promise<readonly ParityInput[]>;
  /** Of ONNX Runtime. */
  readonly threads: number;
  /** ms that all builds of this tower get together, and that the reference gets. */
  readonly limitMs: number;
  /** ms from the end of that time to the end of a process that does not heed it; a minute by default. */
  readonly graceMs?: number;
  /** Of log lines and of progress. */
  readonly label: string;
  /** Does tasks in place of processes. */
  readonly ask?: typeof askBuilder;
  readonly metrics?: Metrics;
  readonly log: Logger;
  readonly progress: OnProgress;
}

/** One plan to be built. */
export interface Wish {
  readonly recipe: Recipe;
  readonly profiles: readonly Profile[];
  readonly optimisationLevel: number;
  /** Of the same library on the same kind of device. */
  readonly timingCache: Uint8Array | undefined;
  /** Most rows of a run. */
  readonly maxBatch: number;
  readonly workspaceBytes: number;
}

/** What a build came to: a plan that passed, why none ever will, or why there is none for now; clauses. */
export type Attempt =
  | { readonly built: Built; readonly timings: Uint8Array }
  | { readonly refused: Built }
  | { readonly memory: string }
  | { readonly failed: string };

const GRACE_MS = 60_000;

/** What the gate goes by. */
interface Given {
  readonly inputs: readonly ParityInput[];
  readonly reference: readonly Float32Array[];
}

/** A device that is lost, or a driver that hangs, says nothing about the recipe. */
const PASSING: ReadonlySet<TensorRtFault> = new Set(['sticky', 'hung', 'cancelled']);

/** Builds plans of one tower, each in a process of its own, within one time. The reference is computed once. */
export class PlanBuilder {
  readonly #options: BuilderOptions;
  #given: Given | undefined;
  #leftMs: number;

  constructor(options: BuilderOptions) {
    this.#options = options;
    this.#leftMs = options.limitMs;
  }

  /**
   * @throws the signal's reason; ClipError engine_failed where the time is used up or there is no reference
   */
  async build(wish: Wish, signal: AbortSignal): Promise<Attempt> {
    this.#given ??= await this.#prepare(signal);
    const given = this.#given;
    if (this.#leftMs <= 0) throw this.#late();
    const folder = await mkdtemp(join(tmpdir(), 'clip-engine-'));
    const began = performance.now();
    try {
      const outcome = await this.#ask(wish, folder, given, signal);
      this.#leftMs -= performance.now() - began;
      return await this.#settle(outcome, folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  #ask(
    { recipe, profiles, optimisationLevel, timingCache, maxBatch, workspaceBytes }: Wish,
    folder: string,
    given: Given,
    signal: AbortSignal,
  ): Promise<BuildOutcome | Failed | ChildFailure> {
    const { contract, libraries, device, log, label, graceMs = GRACE_MS, ask = askBuilder } = this.#options;
    const workspace = `${(workspaceBytes / 2 ** 20).toFixed(0)} MiB of workspace`;
    log.info(`${label}: building ${recipe} for up to ${maxBatch} rows, with ${workspace}`);
    const task = { recipe, profiles, optimisationLevel, maxBatch, workspaceBytes, folder, ...given };
    const limitMs = this.#leftMs;
    const timings = timingCache && { timingCache };
    return ask(
      { do: 'build', contract, libraries, device, ...task, limitMs, ...timings },
      this.#bounds(limitMs + graceMs, signal),
    );
  }

  async #settle(outcome: BuildOutcome | Failed | ChildFailure, folder: string): Promise<Attempt> {
    const { model } = this.#options;
    if ('buildSeconds' in outcome) {
      const plan = await readFile(join(folder, PLAN_FILE));
      return { built: { model, plan, ...outcome }, timings: await readFile(join(folder, TIMINGS_FILE)) };
    }
    if ('wrong' in outcome) {
      const { wrong, parity } = outcome;
      return { refused: { model, refused: `wrong vectors: ${wrong}`, ...(parity && { parity }) } };
    }
    const words = 'fault' in outcome ? outcome.message : outcome.failure;
    if (isMemory(outcome)) return { memory: words };
    if (this.#leftMs <= 0) throw this.#late();
    if ('fault' in outcome && PASSING.has(outcome.fault)) return { failed: words };
    return { refused: { model, refused: words } };
  }

  async #prepare(signal: AbortSignal): Promise<Given> {
    const { contract, threads, limitMs, label, ask = askBuilder } = this.#options;
    const inputs = await this.#options.inputs();
    const answer = await ask(
      { do: 'reference', contract, inputs: inputs.map(({ input }) => input), threads },
      this.#bounds(limitMs, signal),
    );
    if ('reference' in answer) return { inputs, reference: answer.reference };
    throw new ClipError(
      'engine_failed',
      `${label}: ONNX Runtime gives no vectors to compare with: ${answer.failure}`,
    );
  }

  #bounds(limitMs: number, signal: AbortSignal) {
    const { environment, label, log, progress: onProgress } = this.#options;
    return { signal, limitMs, environment, label, log, onProgress };
  }

  #late(): ClipError {
    const { label, limitMs, metrics } = this.#options;
    metrics?.limited.inc({ limit: 'engines_build_ms' });
    return new ClipError('engine_failed', `${label}: building took longer than ${limitMs / 1000} s`);
  }
}

/** The system's own way to say that memory ran out is to end the process. */
function isMemory(outcome: BuildOutcome | Failed | ChildFailure): boolean {
  if ('fault' in outcome) return outcome.fault === 'memory';
  if ('endedBy' in outcome && outcome.endedBy === 'SIGKILL') return true;
  return 'failure' in outcome && ranOutOfMemory(new Error(outcome.failure));
}
