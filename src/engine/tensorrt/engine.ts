import { onAbort, untilAborted } from '../../abort.ts';
import { ClipError } from '../../errors.ts';
import type { TowerContract, TowerInput } from '../../model/tower.ts';
import type { TensorRtContext, TensorRtError } from '../../native/tensorrt.ts';
import type { Logger } from '../../observe/log.ts';
import { type Engine, type EngineDescription, type LostCause, ranOutOfMemory } from '../engine.ts';
import { joinRows } from '../rows.ts';
import { CANARY_COSINE, type Canary, type CanaryRounds, canaryCosine } from './canary.ts';
import { type Feeds, feedsOf } from './feeds.ts';
import type { PlanRecord, Recipe } from './plan.ts';

/** Told that a GPU is lost to this process, before the run rejects. */
export type OnLost = (cause: LostCause, error: Error) => void;

export interface TensorRtTowerOptions {
  readonly context: TensorRtContext;
  /** Of the graph that the plan was built of. */
  readonly contract: TowerContract;
  readonly record: PlanRecord;
  /** CUDA's index. */
  readonly device: number;
  /** Of each length that runs may have, the longest last. */
  readonly probes: readonly TowerInput[];
  readonly canary: Canary;
  readonly rounds: CanaryRounds;
  /** ms after which a run counts as hung. */
  readonly hangMs: number;
  readonly onLost: OnLost;
  readonly log: Pick<Logger, 'info'>;
}

const PRECISIONS: Readonly<Record<Recipe, EngineDescription['precision']>> = {
  fp32: 'fp32',
  original: 'fp32',
  fp16: 'fp16',
  'fp32-residual': 'fp16',
  bf16: 'bf16',
};

/** A context captures a graph at the second run of a shape. */
const RUNS_TO_CAPTURE = 2;
/** ms that a context gets to end; one that takes longer is left to itself. */
const CLOSE_MS = 5_000;

/** One context of a plan. Its runs follow one another, and the canary takes its turn among them. */
export class TensorRtTower implements Engine {
  readonly #options: TensorRtTowerOptions;
  readonly #feeds: Feeds;
  readonly #maxRows: number;
  #last: Promise<unknown> = Promise.resolve();
  #leaveRounds = () => {};
  #lost = false;
  #closing: Promise<void> | undefined;

  /** @throws Error where the contract's inputs are none of CLIP's */
  constructor(options: TensorRtTowerOptions) {
    this.#options = options;
    this.#feeds = feedsOf(options.contract);
    this.#maxRows = rowsOf(options);
  }

  describe(): EngineDescription {
    const { record, device, canary } = this.#options;
    const squares = canary.expected.reduce((sum, x) => sum + x * x, 0);
    return {
      runtime: 'tensorrt',
      device: `cuda:${device}`,
      precision: PRECISIONS[record.key.recipe],
      recipe: record.key.recipe,
      width: canary.expected.length,
      normalised: Math.abs(Math.sqrt(squares) - 1) <= 1e-3,
    };
  }

  async run(inputs: readonly TowerInput[], signal: AbortSignal): Promise<Float32Array> {
    const parts: Float32Array[] = [];
    for (let start = 0; start < inputs.length; start += this.#maxRows)
      parts.push(await this.#run(inputs.slice(start, start + this.#maxRows), signal));
    return joinRows(parts);
  }

  /** Runs every length with every number of rows that a context pads to, so that no request waits for a graph; then the canary. */
  async warm(signal: AbortSignal): Promise<number> {
    let ms = 0;
    for (const probe of this.#options.probes) {
      for (const rows of paddedRows(this.#maxRows))
        for (let run = 0; run < RUNS_TO_CAPTURE; run++) await this.#run(new Array(rows).fill(probe), signal);
      const began = performance.now();
      await this.#run([probe], signal);
      ms = performance.now() - began;
    }
    const strayed = await this.#strayed(signal);
    if (strayed) throw strayed;
    for (const sentence of this.#options.context.graphs.refused) this.#options.log.info(sentence);
    this.#leaveRounds = this.#options.rounds.join(this.#options.contract.tower, () => this.#check());
    return ms;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#leaveRounds();
    // What a lost GPU holds is given back by the end of the process.
    if (!this.#lost) await within(CLOSE_MS, this.#options.context.close());
  }

  async #check(): Promise<'ok' | 'wrong' | 'failed'> {
    try {
      return (await this.#strayed(AbortSignal.timeout(2 * this.#options.hangMs))) ? 'wrong' : 'ok';
    } catch {
      // A run that fails has told what has to be done about it.
      return 'failed';
    }
  }

  /** Runs the canary: an error where its vector is another than it was, and then the GPU is lost. */
  async #strayed(signal: AbortSignal): Promise<ClipError | undefined> {
    const { canary, contract, device } = this.#options;
    const cosine = canaryCosine(canary, await this.#run([canary.input], signal));
    if (cosine >= CANARY_COSINE) return undefined;
    const which = `the ${contract.tower} tower on cuda:${device}`;
    const message = `${which} gives another vector than when its plan was proved: cosine ${cosine}, expected at least ${CANARY_COSINE}`;
    return this.#lose('canary', new ClipError('engine_failed', message));
  }

  /** At most as many inputs as a run takes. */
  #run(inputs: readonly TowerInput[], signal: AbortSignal): Promise<Float32Array> {
    const turn = this.#last.then(() => this.#once(inputs));
    this.#last = turn.catch(() => {});
    // The context's own watch comes first, where its thread still lives.
    const leave = onAbort(signal, () => {
      if (isOverdue(signal.reason)) this.#lose('hung', signal.reason as Error);
    });
    return untilAborted(turn, signal).finally(leave);
  }

  async #once(inputs: readonly TowerInput[]): Promise<Float32Array> {
    if (this.#lost) throw new ClipError('engine_failed', 'the GPU is lost');
    const { contract, context } = this.#options;
    const rows = contract.fixedBatch ?? inputs.length;
    // A run of a fixed batch that is not full repeats its last input, and drops what comes of that.
    const full = Array.from({ length: rows }, (_, row) => inputs[Math.min(row, inputs.length - 1)]!);
    let vectors: Float32Array;
    try {
      vectors = await context.run(this.#feeds(full));
    } catch (thrown) {
      throw this.#failure(thrown as TensorRtError);
    }
    return vectors.subarray(0, (vectors.length / rows) * inputs.length);
  }

  #failure(thrown: TensorRtError): ClipError {
    // Whoever asks whether less work would do goes by the words.
    const memory = thrown.code === 'memory' && !ranOutOfMemory(thrown) ? 'out of memory: ' : '';
    const error = new ClipError('engine_failed', `TensorRT: ${memory}${thrown.message}`, { cause: thrown });
    if (thrown.code === 'sticky' || thrown.code === 'hung') return this.#lose(thrown.code, error);
    return error;
  }

  #lose<E extends Error>(cause: LostCause, error: E): E {
    if (!this.#lost) {
      this.#lost = true;
      this.#leaveRounds();
      this.#options.onLost(cause, error);
    }
    return error;
  }
}

/** Most rows that a profile takes. */
function rowsOf({ contract, record }: TensorRtTowerOptions): number {
  const rows = record.key.profiles.map((profile) => profile[contract.input.name]?.max[0] ?? 1);
  return contract.fixedBatch ?? Math.max(1, ...rows);
}

/** A context pads to powers of two and to three quarters of them. */
function paddedRows(most: number): number[] {
  const rows = [1, 2, most];
  for (let power = 4; power < 2 * most; power *= 2) rows.push((power / 4) * 3, power);
  return [...new Set(rows)].filter((count) => count <= most).sort((a, b) => a - b);
}

function isOverdue(reason: unknown): boolean {
  if (reason instanceof ClipError) return reason.code === 'engine_timeout';
  return reason instanceof Error && reason.name === 'TimeoutError';
}

/** The promise's end, but no longer than this. */
export async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, patience]).finally(() => clearTimeout(timer));
}
