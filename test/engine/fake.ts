import type { Batch, Engine, EngineDescription, EngineFactory } from '../../src/engine/engine.ts';
import { ClipError } from '../../src/errors.ts';
import type { Tower, TowerInput } from '../../src/model/tower.ts';

export const FAKE_WIDTH = 4;

/** What a fake engine does with one batch. `out of memory` fails batches of more than `rows`. */
export type Act =
  | 'answer'
  | 'throw'
  | 'hang'
  | 'one row short'
  | 'not a number'
  | 'a row of zeros'
  | { readonly outOfMemoryAbove: number };

export interface Seen {
  readonly tower: Tower;
  readonly keys: readonly number[];
}

/** A run that waits to be let go, where the stage is held. */
interface Held {
  readonly batch: Batch;
  go(): void;
}

/**
 * Engines whose behaviour a test writes: each batch takes the next act of `script`, and `answer` when it is empty.
 * Where `held` is set, a run waits for `release`.
 */
export class Stage {
  readonly script: Act[] = [];
  /** A factory call takes the next entry; a message makes it fail. */
  readonly starts: (string | undefined)[] = [];
  readonly seen: Seen[] = [];
  /** Batches that hold one of these keys come back with NaN in that row, from every engine. */
  readonly poison = new Set<number>();
  readonly msPerItem: Record<Tower, number> = { text: 1, image: 1 };
  held = false;
  made = 0;
  closed = 0;
  readonly #waiting: Held[] = [];

  readonly create: EngineFactory = async () => {
    const failure = this.starts.shift();
    if (failure !== undefined) throw new ClipError('engine_failed', failure);
    this.made++;
    return new FakeEngine(this);
  };

  /** Runs that have begun and wait. */
  get running(): readonly Batch[] {
    return this.#waiting.map(({ batch }) => batch);
  }

  /** Lets the oldest `count` held runs finish. */
  release(count = this.#waiting.length): void {
    for (const held of this.#waiting.splice(0, count)) held.go();
  }

  async play(batch: Batch): Promise<Float32Array> {
    this.seen.push({ tower: batch.tower, keys: batch.inputs.map(keyOf) });
    const act = this.script.shift() ?? 'answer';
    if (this.held) await new Promise<void>((go) => this.#waiting.push({ batch, go }));
    return perform(act, batch, this.poison);
  }
}

class FakeEngine implements Engine {
  readonly #stage: Stage;
  #open = true;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  describe(): EngineDescription {
    return {
      runtime: 'fake',
      device: 'cpu',
      precision: 'fp32',
      width: FAKE_WIDTH,
      normalised: false,
      maxBatch: { text: undefined, image: undefined },
    };
  }

  run(batch: Batch, signal: AbortSignal): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      const leave = () => reject(ClipError.aborted(signal));
      signal.addEventListener('abort', leave, { once: true });
      this.#stage
        .play(batch)
        .then(resolve, reject)
        .finally(() => signal.removeEventListener('abort', leave));
    });
  }

  async warm(): Promise<Record<Tower, number>> {
    return this.#stage.msPerItem;
  }

  async close(): Promise<void> {
    if (this.#open) this.#stage.closed++;
    this.#open = false;
  }
}

function perform(act: Act, { inputs }: Batch, poison: ReadonlySet<number>): Promise<Float32Array> {
  const rows = inputs.map(keyOf).map((key) => (poison.has(key) ? fakeVector(Number.NaN) : fakeVector(key)));
  if (act === 'throw') throw new ClipError('engine_failed', 'the fake engine was told to fail');
  if (act === 'hang') return new Promise(() => {});
  if (act === 'one row short') rows.pop();
  if (act === 'not a number') rows[rows.length - 1] = fakeVector(Number.NaN);
  if (act === 'a row of zeros') rows[0] = [0, 0, 0, 0];
  if (typeof act === 'object' && inputs.length > act.outOfMemoryAbove)
    throw new ClipError('engine_failed', 'ONNX Runtime: Failed to allocate memory for requested buffer');
  return Promise.resolve(Float32Array.from(rows.flat()));
}

/** An input that a test recognises by its number; the vector that belongs to it is `fakeVector(key)`. */
export function textInput(key: number): TowerInput {
  return { ids: Int32Array.of(key), length: 1 };
}

export function imageInput(key: number): TowerInput {
  return new Uint8Array(new Int32Array([key]).buffer);
}

export function fakeVector(key: number): number[] {
  return [key, key + 0.25, -key, 1];
}

function keyOf(input: TowerInput): number {
  return input instanceof Uint8Array ? new DataView(input.buffer).getInt32(0, true) : input.ids[0]!;
}
