import type { Limits } from '../config/limits.ts';
import type { EngineDescription, EngineTeam } from '../engine/engine.ts';
import { ClipError } from '../errors.ts';
import type { Tower, TowerInput } from '../model/tower.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { Backlog, type Entry } from './backlog.ts';
import type { Clock } from './clock.ts';
import type { Replica, RunFailure } from './replica.ts';
import type { Leave } from './room.ts';
import { Team } from './team.ts';
import type { Patience, WaitingPlace } from './waiter.ts';

export interface LaneOptions {
  readonly tower: Tower;
  /** One per replica. */
  readonly teams: readonly EngineTeam[];
  /** Most items per run. */
  readonly maxBatch: number;
  /** Columns, or tokens, that an input takes of a run; only inputs with the same number share one. 0 is not known. */
  readonly columnsOf: (input: TowerInput) => number;
  readonly limits: Pick<Limits, 'queueMs' | 'engineMs'>;
  /** Time that an engine has to load and to warm up. */
  readonly startMs: number;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Entries of one bucket that go through an engine together. */
interface Work {
  readonly entries: readonly Entry[];
  /** Set on the second and last try: the entries whose vectors were bad at the first. */
  readonly suspects?: ReadonlySet<Entry>;
}

/** Rooms hold this many batches per replica: one in preparation while another waits. */
const ROOM_BATCHES = 2;

/**
 * One tower's items and engines. An engine that is free takes what waits, and never waits for a batch to fill. A batch
 * that fails is tried once more, by another engine.
 */
export class Lane {
  readonly #tower: Tower;
  readonly #teams: readonly Team[];
  readonly #backlog: Backlog;
  readonly #retries: Work[] = [];
  readonly #place: WaitingPlace;
  readonly #log: Logger;
  #waking = false;
  #closed: ClipError | undefined;

  constructor({ tower, teams, maxBatch, columnsOf, limits, ...common }: LaneOptions) {
    const { metrics, log, clock } = common;
    const place = {
      clock,
      queueMs: limits.queueMs,
      wanted: 'an engine',
      onTimeout: () => metrics.limited.inc({ limit: 'queue_ms' }),
      unsettled: 0,
    };
    const roomSize = ROOM_BATCHES * maxBatch * teams.length;
    const changed = (replica: Replica) => this.#changed(replica);
    this.#place = place;
    this.#tower = tower;
    this.#log = log;
    this.#backlog = new Backlog({ tower, place, metrics, maxBatch, columnsOf, roomSize });
    this.#teams = teams.map(
      (team) => new Team(team, { ...common, tower, engineMs: limits.engineMs, changed }),
    );
  }

  /** Resolves when every engine serves. @throws ClipError of the first that does not */
  async start(): Promise<void> {
    await Promise.all(this.#teams.map((team) => team.start()));
    for (const { tokensPerRun } of this.descriptions)
      if (tokensPerRun !== undefined) this.#backlog.tokensPerRun = tokensPerRun;
  }

  /** Of each engine. Known once `start` has resolved. */
  get descriptions(): EngineDescription[] {
    return this.#engines.map(({ description }) => description!);
  }

  get serving(): number {
    return this.#engines.filter(({ serving }) => serving).length;
  }

  /** Items and places that are waited for, or held: nothing is left when every request has been answered. */
  get pending(): number {
    return this.#backlog.size + this.#backlog.room.size + this.#retries.length + this.#place.unsettled;
  }

  /** @throws ClipError as `Scheduler.submit` */
  submit(input: TowerInput, patience: Patience): Promise<Float32Array> {
    const refusal = this.#refusal();
    if (refusal) return Promise.reject(refusal);
    const vector = this.#backlog.push(input, patience);
    this.#wake();
    return vector;
  }

  /** @throws ClipError as `Scheduler.submit` */
  room(patience: Patience): Promise<Leave> {
    const refusal = this.#refusal();
    return refusal ? Promise.reject(refusal) : this.#backlog.room.enter(patience);
  }

  /** Refuses what waits or runs, and ends the engines. */
  async close(reason: ClipError): Promise<void> {
    this.#closed ??= reason;
    this.#refuseAll(this.#closed);
    await Promise.all(this.#teams.map((team) => team.close(this.#closed!)));
  }

  get #engines(): readonly Replica[] {
    return this.#teams.flatMap(({ engines }) => engines);
  }

  #refusal(): ClipError | undefined {
    if (this.#closed) return this.#closed;
    if (!this.#engines.every(({ hopeless }) => hopeless)) return undefined;
    return new ClipError(
      'not_ready',
      `every engine of the ${this.#tower} tower has failed several times in a row and is being replaced`,
    );
  }

  #refuseAll(error: ClipError): void {
    this.#backlog.refuse(error);
    for (const { entries } of this.#retries.splice(0)) for (const entry of entries) entry.reject(error);
  }

  #changed(replica: Replica): void {
    if (replica.state === 'failed') {
      const refusal = this.#refusal();
      if (refusal) this.#refuseAll(refusal);
    } else if (replica.state === 'idle') {
      if (this.#backlog.full) this.#dispatch();
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
    for (;;) {
      const waiting = this.#backlog.size;
      const [replica, ...others] = this.#teams.flatMap((team) => team.free(waiting));
      const work = replica && this.#next(1 + others.length);
      if (!work) return;
      if (work.entries.length > 0) void this.#run(replica, work);
    }
  }

  /** The next batch: tries that are due first, then what waits, shared among the idle. */
  #next(idle: number): Work | undefined {
    const retry = this.#retries.shift();
    if (retry) {
      for (const entry of retry.entries) entry.begin();
      return { ...retry, entries: retry.entries.filter(({ settled }) => !settled) };
    }
    return this.#backlog.size > 0 ? { entries: this.#backlog.take(idle) } : undefined;
  }

  async #run(replica: Replica, work: Work): Promise<void> {
    const { entries } = work;
    const result = await replica.run(entries.map(({ input }) => input));
    if (result.cause !== undefined) {
      this.#failed(replica, work, result);
      return;
    }
    answer(entries, result.rows);
    replica.rest();
  }

  #failed(replica: Replica, work: Work, failure: RunFailure): void {
    const { entries, suspects } = work;
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
      if (suspects) for (const entry of entries) entry.reject(failure.error);
      else this.#tryAgain(entries, failure);
      replica.replace(failure.cause, failure.error);
    }
  }

  #tryAgain(entries: readonly Entry[], failure: RunFailure): void {
    const bad = failure.cause === 'vector' ? failure.bad.map((row) => entries[row]!) : [];
    const suspects = new Set(bad);
    // An input can make the engine throw, and nothing says which one: each for itself takes no other with it.
    if (failure.cause === 'failed') for (const entry of entries) this.#retry({ entries: [entry], suspects });
    else this.#retry({ entries, suspects });
  }

  #halve({ entries, suspects }: Work): void {
    const half = Math.ceil(entries.length / 2);
    const { bucket } = entries[0]!;
    if (this.#backlog.lower(half, bucket)) {
      const which = this.#tower === 'text' ? `texts of ${bucket} tokens` : 'images';
      this.#log.warn(`the memory does not take ${entries.length} ${which} at once; from now on ${half}`);
    }
    this.#retry({ entries: entries.slice(0, half), suspects });
    this.#retry({ entries: entries.slice(half), suspects });
  }

  #retry(work: Work): void {
    const entries = work.entries.filter(({ settled }) => !settled);
    for (const entry of entries) entry.wait();
    if (entries.length > 0) this.#retries.push({ ...work, entries });
    this.#wake();
  }
}

/**
 * Rows are views of the batch: memory of their own would be an allocation outside the heap for each, which the collector
 * pays for. Whoever keeps one keeps its batch. Settled entries stay as they are.
 */
function answer(entries: readonly Entry[], rows: Float32Array): void {
  const width = rows.length / entries.length;
  entries.forEach((entry, i) => void entry.resolve(rows.subarray(i * width, (i + 1) * width)));
}
