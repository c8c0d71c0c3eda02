import { type Engine, type EngineDescription, type EngineFactory, ranOutOfMemory } from '../engine/engine.ts';
import { ClipError } from '../errors.ts';
import type { Tower, TowerInput } from '../model/tower.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { bounded } from './bounded.ts';
import type { Clock } from './clock.ts';
import { badRows } from './vectors.ts';

export type ReplicaState = 'starting' | 'idle' | 'busy' | 'failed' | 'closed';

/** Why a run gave nothing to answer with. */
export type RunFailure =
  | { readonly cause: 'failed' | 'timeout' | 'count' | 'memory'; readonly error: ClipError }
  | {
      readonly cause: 'vector';
      readonly error: ClipError;
      readonly rows: Float32Array;
      /** Rows that cannot be right. */
      readonly bad: readonly number[];
    };

export type RunResult = { readonly rows: Float32Array; readonly cause?: undefined } | RunFailure;

export interface ReplicaOptions {
  readonly tower: Tower;
  readonly create: EngineFactory;
  /** Least time that a run is given. */
  readonly engineMs: number;
  /** Time that an engine has to load and to warm up. */
  readonly startMs: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly changed: (replica: Replica) => void;
}

/** A run may take this many times what the warm-up measured, where that is more than `engineMs`. */
const PATIENCE = 20;
const LONGEST_PAUSE_MS = 60_000;
/** After this many failures in a row nobody should wait for the replica any more. */
const HOPELESS = 3;

/** One engine of one tower at a time: made, run within a bound, looked at, and replaced when it fails. */
export class Replica {
  readonly #options: ReplicaOptions;
  readonly #closing = new AbortController();
  #engine: Engine | undefined;
  #description: EngineDescription | undefined;
  #msPerItem = 0;
  #state: ReplicaState = 'starting';
  #failures = 0;
  #stopPause: (() => void) | undefined;
  readonly #ending = new Set<Promise<void>>();

  constructor(options: ReplicaOptions) {
    this.#options = options;
    options.metrics.replicas.inc({ tower: options.tower, state: this.#state });
  }

  get state(): ReplicaState {
    return this.#state;
  }

  get serving(): boolean {
    return this.#state === 'idle' || this.#state === 'busy';
  }

  /** True where the engine failed again and again, and does not serve. */
  get hopeless(): boolean {
    return !this.serving && this.#failures >= HOPELESS;
  }

  /** Of the engine that serves, or served last. */
  get description(): EngineDescription | undefined {
    return this.#description;
  }

  /** Makes an engine and warms it up; no second try. @throws ClipError of the factory, engine_timeout */
  async start(): Promise<void> {
    const { create, startMs, clock } = this.#options;
    const sentence = `an engine was not ready within ${startMs} ms`;
    const limit = { ms: startMs, sentence, clock, parent: this.#closing.signal };
    await bounded(limit, async (signal) => {
      const engine = await create(signal);
      try {
        this.#msPerItem = await engine.warm(signal);
        signal.throwIfAborted();
        this.#adopt(engine);
      } catch (error) {
        this.#end(engine);
        throw error;
      }
    });
    this.#become('idle');
  }

  /** Occupies the replica until `rest` or `replace`. Never rejects. */
  async run(inputs: readonly TowerInput[]): Promise<RunResult> {
    this.#become('busy');
    const { tower, metrics, clock } = this.#options;
    metrics.batchSize.observe({ tower }, inputs.length);
    const began = clock.now();
    try {
      const bound = Math.max(this.#options.engineMs, PATIENCE * this.#msPerItem * inputs.length);
      const sentence = `a batch of ${inputs.length} (${tower}) was not answered within ${Math.round(bound)} ms`;
      const limit = { ms: bound, sentence, clock, parent: this.#closing.signal };
      const rows = await bounded(limit, (signal) => this.#engine!.run(inputs, signal));
      return this.#inspect(rows, inputs.length);
    } catch (thrown) {
      const error = ClipError.from(thrown);
      if (error.code === 'engine_timeout') return { cause: 'timeout', error };
      return { cause: ranOutOfMemory(error) ? 'memory' : 'failed', error };
    } finally {
      metrics.ran(tower, (clock.now() - began) / 1000);
    }
  }

  /** The run was in order: the replica takes the next. */
  rest(): void {
    this.#failures = 0;
    this.#become('idle');
  }

  /** The engine is not to be trusted any more: another takes its place after 1, 2, 4 … 60 s. */
  replace(cause: string, error: ClipError): void {
    const { tower, metrics } = this.#options;
    metrics.replicaRestarts.inc({ tower, cause });
    this.#drop();
    this.#pause(error);
  }

  /** Ends the engine, or its start. */
  async close(reason: ClipError): Promise<void> {
    this.#stopPause?.();
    this.#closing.abort(reason);
    this.#drop();
    this.#become('closed');
    await Promise.all(this.#ending);
  }

  #drop(): void {
    if (this.#engine) this.#end(this.#engine);
    this.#engine = undefined;
  }

  #end(engine: Engine): void {
    const ended = engine
      .close()
      .catch((error) => this.#options.log.warn({ err: error }, 'an engine did not close in order'))
      .finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }

  #pause(error: ClipError): void {
    if (this.#closing.signal.aborted) return;
    const pause = Math.min(1000 * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures++;
    const { tower, log, clock } = this.#options;
    log.error({ err: error }, `an engine of the ${tower} tower failed; it is replaced in ${pause / 1000} s`);
    this.#stopPause = clock.after(pause, () => void this.#restart());
    this.#become('failed');
  }

  async #restart(): Promise<void> {
    this.#become('starting');
    try {
      await this.start();
      this.#options.log.info(`an engine of the ${this.#options.tower} tower serves again`);
    } catch (error) {
      this.#pause(ClipError.from(error));
    }
  }

  #adopt(engine: Engine): void {
    const description = engine.describe();
    const width = this.#description?.width ?? description.width;
    if (description.width !== width)
      throw new ClipError(
        'engine_failed',
        `the replica's new engine gives vectors of ${description.width} components, the one before gave ${width}`,
      );
    this.#description = description;
    this.#engine = engine;
  }

  #inspect(rows: Float32Array, count: number): RunResult {
    const { width } = this.#description!;
    if (rows.length !== count * width) {
      const message = `expected ${count} vectors of ${width} components, got ${rows.length} components`;
      return { cause: 'count', error: new ClipError('bad_vector', message) };
    }
    const bad = badRows(rows, width);
    if (bad.length === 0) return { rows };
    const message = `${bad.length} of ${count} vectors were all zeros or not finite`;
    return { cause: 'vector', error: new ClipError('bad_vector', message), rows, bad };
  }

  #become(state: ReplicaState): void {
    if (this.#state === state || this.#state === 'closed') return;
    const { tower, metrics, changed } = this.#options;
    metrics.replicas.dec({ tower, state: this.#state });
    if (state !== 'closed') metrics.replicas.inc({ tower, state });
    this.#state = state;
    changed(this);
  }
}
