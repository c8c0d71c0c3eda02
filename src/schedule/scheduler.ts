import type { Limits } from '../config/config.ts';
import type { EngineDescription, EngineFactory } from '../engine/engine.ts';
import { ClipError } from '../errors.ts';
import type { Tower, TowerInput } from '../model/tower.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Entry, Lane } from './lane.ts';
import { Replica, type RunFailure } from './replica.ts';
import type { Leave } from './room.ts';
import { AbortWatch, type Patience } from './waiter.ts';

export interface SchedulerOptions {
  /** One factory per replica. */
  readonly replicas: readonly EngineFactory[];
  /** Most items per run: `minibatch_size`. */
  readonly maxBatch: number;
  readonly limits: Pick<Limits, 'queueMs' | 'engineMs'>;
  /** Time that an engine has to load and to warm up. */
  readonly startMs: number;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock?: Clock;
}

/** Entries that go through an engine together. */
interface Work {
  readonly lane: Lane;
  readonly entries: readonly Entry[];
  /** Set on the second and last try: the entries whose vectors were bad at the first. */
  readonly suspects?: ReadonlySet<Entry>;
}

/** Rooms hold this many batches per replica: one in preparation while another waits. */
const ROOM_BATCHES = 2;

/**
 * Batches items across requests, as late as possible: a replica that is idle takes what waits, the older tower first,
 * and never waits for a batch to fill. A batch that fails is tried once more, by another engine.
 */
export class Scheduler {
  readonly #replicas: readonly Replica[];
  readonly #lanes: Readonly<Record<Tower, Lane>>;
  readonly #retries: Work[] = [];
  readonly #aborts = new AbortWatch();
  readonly #log: Logger;
  #waking = false;
  #closed: ClipError | undefined;

  constructor(options: SchedulerOptions) {
    const { metrics, log, maxBatch, limits, startMs, clock = systemClock } = options;
    const place = { clock, aborts: this.#aborts, queueMs: limits.queueMs };
    const roomSize = ROOM_BATCHES * maxBatch * options.replicas.length;
    const lane = (tower: Tower) => new Lane({ tower, place, metrics, maxBatch, roomSize });
    this.#lanes = { text: lane('text'), image: lane('image') };
    this.#log = log;
    const changed = (replica: Replica) => this.#changed(replica);
    this.#replicas = options.replicas.map(
      (create) => new Replica({ create, engineMs: limits.engineMs, startMs, clock, metrics, log, changed }),
    );
  }

  /** Resolves when every replica serves. @throws ClipError of the first that does not; the others are then closed */
  async start(signal: AbortSignal): Promise<void> {
    try {
      await Promise.all(this.#replicas.map((replica) => replica.start(signal)));
      const widths = new Set(this.#replicas.map(({ description }) => description!.width));
      if (widths.size > 1)
        throw new ClipError('engine_failed', `replicas give vectors of different widths: ${[...widths]}`);
    } catch (error) {
      await this.close();
      throw error;
    }
    for (const { description } of this.#replicas)
      for (const lane of Object.values(this.#lanes)) {
        const most = description!.maxBatch[lane.tower];
        if (most !== undefined) lane.lower(most);
      }
  }

  /** Of the first replica. Known once `start` has resolved. */
  describe(): EngineDescription {
    return this.#replicas[0]!.description!;
  }

  get serving(): number {
    return this.#replicas.filter(({ serving }) => serving).length;
  }

  /** Items that wait, places held and signals watched: nothing is left when every request has been answered. */
  get pending(): number {
    const lanes = Object.values(this.#lanes);
    const waiting = lanes.reduce((sum, { size, room }) => sum + size + room.size, 0);
    return waiting + this.#retries.length + this.#aborts.size;
  }

  /**
   * The vector of one input, in memory of its own.
   * @throws ClipError cancelled, deadline_exceeded, queue_timeout, not_ready, draining, engine_failed,
   * engine_timeout, bad_vector
   */
  submit(tower: Tower, input: TowerInput, patience: Patience): Promise<Float32Array> {
    const refusal = this.#refusal();
    if (refusal) return Promise.reject(refusal);
    const vector = this.#lanes[tower].push(input, patience);
    this.#wake();
    return vector;
  }

  /** A place for an item in preparation, to be left once it is submitted or given up. @throws ClipError as `submit` */
  room(tower: Tower, patience: Patience): Promise<Leave> {
    const refusal = this.#refusal();
    return refusal ? Promise.reject(refusal) : this.#lanes[tower].room.enter(patience);
  }

  /** Refuses what waits or runs, and ends the engines. */
  async close(): Promise<void> {
    this.#closed ??= new ClipError('draining', 'the server shut down before the item was answered');
    this.#refuseAll(this.#closed);
    await Promise.all(this.#replicas.map((replica) => replica.close(this.#closed!)));
  }

  #refusal(): ClipError | undefined {
    if (this.#closed) return this.#closed;
    if (!this.#replicas.every(({ hopeless }) => hopeless)) return undefined;
    return new ClipError(
      'not_ready',
      'every replica has failed several times in a row and is being replaced',
    );
  }

  #refuseAll(error: ClipError): void {
    for (const lane of Object.values(this.#lanes)) lane.refuse(error);
    for (const { entries } of this.#retries.splice(0)) for (const entry of entries) entry.reject(error);
  }

  #changed(replica: Replica): void {
    if (replica.state === 'failed') {
      const refusal = this.#refusal();
      if (refusal) this.#refuseAll(refusal);
    } else if (replica.state === 'idle') {
      if (this.#lanes.text.full || this.#lanes.image.full) this.#dispatch();
      else this.#wake();
    }
  }

  /** Dispatches after this turn of the event loop, so that what it brings together travels together. */
  #wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    setImmediate(() => {
      this.#waking = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    const idle = this.#replicas.filter(({ state }) => state === 'idle');
    while (idle.length > 0) {
      const work = this.#next(idle.length);
      if (!work) return;
      if (work.entries.length > 0) void this.#run(idle.shift()!, work);
    }
  }

  /** The next batch: tries that are due first, then the tower whose head is older, shared among the idle. */
  #next(idle: number): Work | undefined {
    const retry = this.#retries.shift();
    if (retry) {
      for (const entry of retry.entries) entry.begin();
      return { ...retry, entries: retry.entries.filter(({ settled }) => !settled) };
    }
    const { text, image } = this.#lanes;
    const lane = image.oldest < text.oldest ? image : text;
    if (lane.size === 0) return undefined;
    return { lane, entries: lane.take(Math.ceil(lane.size / idle)) };
  }

  async #run(replica: Replica, work: Work): Promise<void> {
    const { lane, entries } = work;
    const result = await replica.run({ tower: lane.tower, inputs: entries.map(({ input }) => input) });
    if (result.cause !== undefined) {
      this.#failed(replica, work, result);
      return;
    }
    answer(entries, result.rows);
    replica.rest();
  }

  #failed(replica: Replica, work: Work, failure: RunFailure): void {
    const { lane, entries, suspects } = work;
    if (this.#closed) {
      for (const entry of entries) entry.reject(this.#closed);
    } else if (failure.cause === 'memory' && entries.length > 1) {
      this.#halve(work);
      replica.rest();
    } else if (failure.cause === 'vector' && failure.bad.every((row) => suspects?.has(entries[row]!))) {
      // Two engines agree which inputs have no vector, so the fault is in these, and the others can be answered.
      for (const row of failure.bad) entries[row]!.reject(failure.error);
      answer(entries, failure.rows);
      replica.rest();
    } else {
      const bad = failure.cause === 'vector' ? failure.bad.map((row) => entries[row]!) : [];
      if (suspects) for (const entry of entries) entry.reject(failure.error);
      else this.#retry({ lane, entries, suspects: new Set(bad) });
      replica.replace(failure.cause, failure.error);
    }
  }

  #halve({ lane, entries, suspects }: Work): void {
    const half = Math.ceil(entries.length / 2);
    if (lane.lower(half))
      this.#log.warn(
        `the memory does not take ${entries.length} ${lane.tower}s at once; from now on ${half}`,
      );
    this.#retry({ lane, entries: entries.slice(0, half), suspects });
    this.#retry({ lane, entries: entries.slice(half), suspects });
  }

  #retry(work: Work): void {
    const entries = work.entries.filter(({ settled }) => !settled);
    for (const entry of entries) entry.wait();
    if (entries.length > 0) this.#retries.push({ ...work, entries });
    this.#wake();
  }
}

/** Each row in memory of its own: one that is kept does not keep the batch. Settled entries stay as they are. */
function answer(entries: readonly Entry[], rows: Float32Array): void {
  const width = rows.length / entries.length;
  entries.forEach((entry, i) => void entry.resolve(rows.slice(i * width, (i + 1) * width)));
}
