import type { ClipError } from '../errors.ts';
import type { Tower, TowerInput } from '../model/tower.ts';
import type { Metrics } from '../observe/metrics.ts';
import { Buckets } from './buckets.ts';
import { Room } from './room.ts';
import { type Patience, Waiter, type WaitingPlace } from './waiter.ts';

/** One input on its way to a vector. */
export class Entry extends Waiter<Float32Array> {
  readonly input: TowerInput;
  /** Columns that it takes of a run. */
  readonly bucket: number;

  constructor(
    input: TowerInput,
    bucket: number,
    place: WaitingPlace,
    patience: Patience,
    left: (entry: Waiter<Float32Array>) => void,
  ) {
    super(place, patience, left);
    this.input = input;
    this.bucket = bucket;
  }
}

export interface BacklogOptions {
  readonly tower: Tower;
  readonly place: WaitingPlace;
  readonly metrics: Metrics;
  /** Most rows per run. */
  readonly maxBatch: number;
  /** Columns, or tokens, that an input takes of a run; only inputs with the same number share one. 0 is not known. */
  readonly columnsOf: (input: TowerInput) => number;
  /** Places in the room. */
  readonly roomSize: number;
}

/** What waits for the engines of one tower, and the room for what is about to. */
export class Backlog {
  readonly room: Room;
  readonly #queue = new Buckets<Entry>();
  readonly #place: WaitingPlace;
  readonly #length: { set(value: number): void };
  readonly #seconds: { observe(value: number): void };
  readonly #tokens: { observe(value: number): void };
  /** Rows × columns of a batch, but for a single row. */
  tokensPerRun = Number.POSITIVE_INFINITY;
  readonly #columnsOf: BacklogOptions['columnsOf'];
  /** Most rows per run, by the fewest columns from which on the bound holds. */
  readonly #most: Map<number, number>;

  constructor({ tower, place, metrics, maxBatch, columnsOf, roomSize }: BacklogOptions) {
    this.room = new Room(place, roomSize, () => this.#queue.size);
    this.#place = place;
    this.#columnsOf = columnsOf;
    this.#most = new Map([[0, maxBatch]]);
    this.#length = metrics.queueLength.labels({ tower });
    this.#seconds = metrics.queueSeconds.labels({ tower });
    this.#tokens = metrics.textTokens;
  }

  get size(): number {
    return this.#queue.size;
  }

  /** @returns true where the next batch is full already. */
  get full(): boolean {
    const next = this.#queue.first;
    return next !== undefined && next.size >= this.#mostRows(next.bucket);
  }

  push(input: TowerInput, patience: Patience): Promise<Float32Array> {
    if (!(input instanceof Uint8Array)) this.#tokens.observe(input.length);
    const entry = new Entry(input, this.#columnsOf(input), this.#place, patience, (left) => {
      if (this.#queue.remove(left as Entry)) this.#shortened();
    });
    if (!entry.settled) this.#queue.push(entry);
    this.#length.set(this.#queue.size);
    return entry.promise;
  }

  /**
   * The next batch: entries of one bucket, in turn by their sources, at most what fits into a run. `idle` replicas share what
   * waits, each taking from one bucket. Entries whose time is over are answered instead.
   */
  take(idle: number): Entry[] {
    const next = this.#queue.first;
    if (!next) return [];
    const sharers = Math.ceil(idle / this.#queue.filled);
    const taken = this.#queue.take(Math.min(Math.ceil(next.size / sharers), this.#mostRows(next.bucket)));
    const now = this.#place.clock.now();
    for (const entry of taken) {
      entry.begin();
      this.#seconds.observe((now - entry.since) / 1000);
    }
    this.#shortened();
    return taken.filter((entry) => !entry.settled);
  }

  /** Remembers that more rows of so many columns, or of more, do not fit. @returns false where less was known to fit already. */
  lower(rows: number, columns: number): boolean {
    if (rows >= this.#mostRows(columns)) return false;
    this.#most.set(columns, rows);
    return true;
  }

  refuse(error: ClipError): void {
    for (const entry of this.#queue.clear()) entry.reject(error);
    this.#length.set(0);
    this.room.refuse(error);
  }

  #mostRows(columns: number): number {
    let most = columns > 0 ? Math.max(1, Math.floor(this.tokensPerRun / columns)) : Number.POSITIVE_INFINITY;
    for (const [from, rows] of this.#most) if (from <= columns) most = Math.min(most, rows);
    return most;
  }

  #shortened(): void {
    this.#length.set(this.#queue.size);
    this.room.admit();
  }
}
