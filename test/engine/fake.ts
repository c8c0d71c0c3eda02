import type { Engine, EngineDescription, EngineFactory } from '../../src/engine/engine.ts';
import { ClipError } from '../../src/errors.ts';
import type { TowerInput } from '../../src/model/tower.ts';

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

/** A run that waits to be let go, where the stage is held. */
interface Held {
  readonly inputs: readonly TowerInput[];
  go(): void;
}

/**
 * One tower's engines, whose behaviour a test writes: each batch takes the next act of `script`, and `answer` when it is empty.
 * Where `held` is set, a run waits for `release`.
 */
export class Stage {
  readonly script: Act[] = [];
  /** A factory call takes the next entry; a message makes it fail. */
  readonly starts: (string | undefined)[] = [];
  /** Keys of each batch that an engine was given. */
  readonly seen: (readonly number[])[] = [];
  /** Batches that hold one of these keys come back with NaN in that row, from every engine. */
  readonly poison = new Set<number>();
  /** Engines throw at a batch that holds one of these keys. */
  readonly venom = new Set<number>();
  msPerItem = 1;
  readonly description: { -readonly [K in keyof EngineDescription]: EngineDescription[K] } = {
    runtime: 'fake',
    device: 'cpu',
    precision: 'fp32',
    width: FAKE_WIDTH,
    normalised: false,
  };
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
  get running(): readonly (readonly TowerInput[])[] {
    return this.#waiting.map(({ inputs }) => inputs);
  }

  /** Lets the oldest `count` held runs finish. */
  release(count = this.#waiting.length): void {
    for (const held of this.#waiting.splice(0, count)) held.go();
  }

  async play(inputs: readonly TowerInput[]): Promise<Float32Array> {
    this.seen.push(inputs.map(keyOf));
    const act =
      this.script.shift() ?? (inputs.some((each) => this.venom.has(keyOf(each))) ? 'throw' : 'answer');
    if (this.held) await new Promise<void>((go) => this.#waiting.push({ inputs, go }));
    return perform(act, inputs, this.poison);
  }
}

class FakeEngine implements Engine {
  readonly #stage: Stage;
  #open = true;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  describe(): EngineDescription {
    return this.#stage.description;
  }

  run(inputs: readonly TowerInput[], signal: AbortSignal): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      const leave = () => reject(ClipError.aborted(signal));
      signal.addEventListener('abort', leave, { once: true });
      this.#stage
        .play(inputs)
        .then(resolve, reject)
        .finally(() => signal.removeEventListener('abort', leave));
    });
  }

  async warm(): Promise<number> {
    return this.#stage.msPerItem;
  }

  async close(): Promise<void> {
    if (this.#open) this.#stage.closed++;
    this.#open = false;
  }
}

function perform(
  act: Act,
  inputs: readonly TowerInput[],
  poison: ReadonlySet<number>,
): Promise<Float32Array> {
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
export function textInput(key: number, length = 1): TowerInput {
  return { ids: Int32Array.of(key), length };
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
