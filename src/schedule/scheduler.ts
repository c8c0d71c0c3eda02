import type { EngineDescription, EngineTeam } from '../engine/engine.ts';
import { ClipError } from '../errors.ts';
import type { TextInput, Tower, TowerInput } from '../model/tower.ts';
import type { Logger } from '../observe/log.ts';
import { systemClock } from './clock.ts';
import { Lane, type LaneOptions } from './lane.ts';
import type { Leave } from './room.ts';
import type { Patience } from './waiter.ts';

export interface SchedulerOptions extends Omit<LaneOptions, 'tower' | 'teams' | 'columnsOf' | 'clock'> {
  /** One team per replica, for each tower. */
  readonly engines: Readonly<Record<Tower, readonly EngineTeam[]>>;
  /** Columns that a text is computed with. Texts that differ in it never share a run, nor wait for each other. */
  readonly columnsOf: (text: TextInput) => number;
  /** Rows that a picture takes of a run; default 0, not known. */
  readonly tokensPerImage?: number;
  readonly clock?: LaneOptions['clock'];
}

/** Both towers' engines taken together. */
export type ModelDescription = Omit<EngineDescription, 'tokensPerRun' | 'notice'>;

/** Batches items across requests, each tower for itself: texts do not wait behind images. */
export class Scheduler {
  readonly #lanes: Readonly<Record<Tower, Lane>>;
  readonly #log: Logger;

  constructor(options: SchedulerOptions) {
    const { engines, columnsOf, tokensPerImage = 0, clock = systemClock, ...common } = options;
    const lane = (tower: Tower, columnsOf: LaneOptions['columnsOf']) =>
      new Lane({ ...common, clock, tower, teams: engines[tower], columnsOf });
    this.#lanes = {
      text: lane('text', (input) => columnsOf(input as TextInput)),
      image: lane('image', () => tokensPerImage),
    };
    this.#log = options.log;
  }

  /**
   * Resolves when every engine serves; where one does not, all are closed.
   * @throws ClipError of the first that does not; the signal's reason
   */
  async start(signal: AbortSignal): Promise<void> {
    const { text, image } = this.#lanes;
    const stop = () => void this.#end(ClipError.aborted(signal));
    signal.addEventListener('abort', stop, { once: true });
    try {
      signal.throwIfAborted();
      await Promise.all([text.start(), image.start()]);
      this.#compareWidths();
    } catch (error) {
      await this.close();
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
    const notices = new Set([...text.descriptions, ...image.descriptions].map(({ notice }) => notice));
    for (const notice of notices) if (notice !== undefined) this.#log.warn(notice);
  }

  /** Of the first engines. Known once `start` has resolved. */
  describe(): ModelDescription {
    const { text, image } = this.describeTowers();
    const recipes = [...new Set([text.recipe, image.recipe])].filter((recipe) => recipe !== undefined);
    return {
      runtime: text.runtime,
      ...(recipes.length > 0 && { recipe: recipes.join(', ') }),
      device: text.device === image.device ? text.device : `${text.device}, ${image.device}`,
      precision: text.precision === 'fp32' ? image.precision : text.precision,
      width: text.width,
      normalised: text.normalised && image.normalised,
    };
  }

  /** Of the first replica, each tower for itself. Known once `start` has resolved. */
  describeTowers(): Readonly<Record<Tower, EngineDescription>> {
    return { text: this.#lanes.text.descriptions[0]!, image: this.#lanes.image.descriptions[0]! };
  }

  /** Engines that take work, by tower. */
  get serving(): Readonly<Record<Tower, number>> {
    const { text, image } = this.#lanes;
    return { text: text.serving, image: image.serving };
  }

  /** Items and places that are waited for, or held: nothing is left when every request has been answered. */
  get pending(): number {
    return this.#lanes.text.pending + this.#lanes.image.pending;
  }

  /**
   * The vector of one input: a view of its batch's.
   * @throws ClipError cancelled, deadline_exceeded, queue_timeout, not_ready, draining, engine_failed,
   * engine_timeout, bad_vector
   */
  submit(tower: Tower, input: TowerInput, patience: Patience): Promise<Float32Array> {
    return this.#lanes[tower].submit(input, patience);
  }

  /** A place for an item in preparation, to be left once it is submitted or given up. @throws ClipError as `submit` */
  room(tower: Tower, patience: Patience): Promise<Leave> {
    return this.#lanes[tower].room(patience);
  }

  /** Refuses what waits or runs, with this, and ends the engines. */
  close(
    reason = new ClipError('draining', 'the server shut down before the item was answered'),
  ): Promise<void> {
    return this.#end(reason);
  }

  async #end(reason: ClipError): Promise<void> {
    const { text, image } = this.#lanes;
    await Promise.all([text.close(reason), image.close(reason)]);
  }

  #compareWidths(): void {
    const found = Object.entries(this.#lanes).flatMap(([tower, { descriptions }]) =>
      descriptions.map(({ width }) => ({ tower, width })),
    );
    if (found.every(({ width }) => width === found[0]!.width)) return;
    const list = found.map(({ tower, width }) => `${width} (${tower})`).join(', ');
    throw new ClipError('engine_failed', `expected vectors of one width from all engines, got ${list}`);
  }
}
