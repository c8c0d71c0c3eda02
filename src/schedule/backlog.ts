import type { ClipError } from '../errors.ts';
import type { Tower, TowerInput } from '../model/tower.ts';
import type { Metrics } from '../observe/metrics.ts';
import { Room } from './room.ts';
import { Turns } from './turns.ts';
import { type Patience, Waiter, type WaitingPlace } from './waiter.ts';

/** One input on its way to a vector. */
export class Entry extends Waiter<Float32Array> {
  readonly input: TowerInput;

  constructor(
    input: TowerInput,
    place: WaitingPlace,
    patience: Patience,
    left: (entry: Waiter<Float32Array>) => void,
  ) {
    super(place, patience, left);
    this.input = input;
  }
}

export interface BacklogOptions {
  readonly tower: Tower;
  readonly place: WaitingPlace;
  readonly metrics: Metrics;
  /** Most rows per run. */
  readonly maxBatch: number;
  /** Places in the room. */
  readonly roomSize: number;
}

/** What waits for the engines of one tower, and the room for what is about to. */
export class Backlog {
  readonly room: Room;
  readonly #queue = new Turns<Entry>();
  readonly #place: WaitingPlace;
  readonly #length: { set(value: number): void };
  readonly #seconds: { observe(value: number): void };
  #maxBatch: number;

  constructor({ tower, place, metrics, maxBatch, roomSize }: BacklogOptions) {
    this.room = new Room(place, roomSize, () => this.#queue.size);
    this.#place = place;
    this.#maxBatch = maxBatch;
    this.#length = metrics.queueLength.labels({ tower });
    this.#seconds = metrics.queueSeconds.labels({ tower });
  }

  get size(): number {
    return this.#queue.size;
  }

  /** @returns true where a full batch waits. */
  get full(): boolean {
    return this.#queue.size >= this.#maxBatch;
  }

  push(input: TowerInput, patience: Patience): Promise<Float32Array> {
    const entry = new Entry(input, this.#place, patience, (left) => {
      if (this.#queue.remove(left as Entry)) this.#shortened();
    });
    if (!entry.settled) this.#queue.push(entry);
    this.#length.set(this.#queue.size);
    return entry.promise;
  }

  /** The next entries, in turn by their sources, at most `count` and at most a batch; those whose time is over are answered instead. */
  take(count: number): Entry[] {
    const taken = this.#queue.take(Math.min(count, this.#maxBatch));
    const now = this.#place.clock.now();
    for (const entry of taken) {
      entry.begin();
      this.#seconds.observe((now - entry.since) / 1000);
    }
    this.#shortened();
    return taken.filter((entry) => !entry.settled);
  }

  /** Remembers that more rows do not fit. @returns false where less was known to fit already. */
  lower(rows: number): boolean {
    if (rows >= this.#maxBatch) return false;
    this.#maxBatch = rows;
    return true;
  }

  refuse(error: ClipError): void {
    for (const entry of this.#queue.take(this.#queue.size)) entry.reject(error);
    this.#length.set(0);
    this.room.refuse(error);
  }

  #shortened(): void {
    this.#length.set(this.#queue.size);
    this.room.admit();
  }
}
