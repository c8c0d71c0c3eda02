import { ClipError } from '../../src/errors.ts';
import type { Tower, TowerInput } from '../../src/model/tower.ts';
import { type Logger, silentLog } from '../../src/observe/log.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { Scheduler } from '../../src/schedule/scheduler.ts';
import type { Patience } from '../../src/schedule/waiter.ts';
import { imageInput, Stage, textInput } from '../engine/fake.ts';
import { WoundClock } from './wound-clock.ts';

export interface SceneOptions {
  readonly replicas?: number;
  /** Engines that share the threads of each image replica. */
  readonly parts?: number;
  readonly maxBatch?: number;
  /** Rows that a picture takes of a run. */
  readonly tokensPerImage?: number;
  readonly queueMs?: number;
  readonly engineMs?: number;
  readonly log?: Logger;
}

export type Settled = number[] | string;

/** A scheduler over fake engines, with time standing still. */
export class Scene {
  readonly clock = new WoundClock();
  /** The text tower's engines; the images' are behind the other. */
  readonly stage = new Stage();
  readonly images = new Stage();
  /** The image tower's engines with a part of the threads. */
  readonly parts = new Stage();
  readonly metrics = new Metrics();
  readonly scheduler: Scheduler;

  constructor(options: SceneOptions = {}) {
    const {
      replicas = 1,
      parts = 0,
      maxBatch = 4,
      tokensPerImage = 0,
      queueMs = 60_000,
      engineMs = 10_000,
      log = silentLog,
    } = options;
    this.scheduler = new Scheduler({
      engines: {
        text: Array.from({ length: replicas }, () => ({ members: [this.stage.create] })),
        image: Array.from({ length: replicas }, () => ({
          members: [this.images.create],
          parts: Array.from({ length: parts }, () => this.parts.create),
        })),
      },
      maxBatch,
      columnsOf: ({ length }) => length,
      tokensPerImage,
      limits: { queueMs, engineMs },
      startMs: 30_000,
      metrics: this.metrics,
      log,
      clock: this.clock,
    });
  }

  static async started(options: SceneOptions = {}): Promise<Scene> {
    const scene = new Scene(options);
    await scene.scheduler.start(new AbortController().signal);
    return scene;
  }

  /** A text that is computed with so many columns. */
  text(key: number, patience: Partial<Patience> = {}, columns = 1): Promise<Settled> {
    return this.#submit('text', textInput(key, columns), patience);
  }

  image(key: number, patience: Partial<Patience> = {}): Promise<Settled> {
    return this.#submit('image', imageInput(key), patience);
  }

  /** Sizes of the batches of texts that engines have seen. */
  get batches(): number[] {
    return this.stage.seen.map(({ length }) => length);
  }

  /** Engines of the text tower that take work. */
  get serving(): number {
    return this.scheduler.serving.text;
  }

  async value(name: string, labels: Record<string, string> = {}): Promise<number> {
    const metric = await this.metrics.registry.getSingleMetric(name)!.get();
    const matching = metric.values.filter((value) =>
      Object.entries(labels).every(
        ([label, text]) => (value.labels as Record<string, unknown>)[label] === text,
      ),
    );
    return matching.reduce((sum, { value }) => sum + value, 0);
  }

  #submit(tower: Tower, input: TowerInput, patience: Partial<Patience>): Promise<Settled> {
    const { signal } = new AbortController();
    return settled(this.scheduler.submit(tower, input, { signal, ...patience }));
  }
}

/** The vector, or the code of the error. */
export async function settled(vector: Promise<Float32Array>): Promise<Settled> {
  try {
    return [...(await vector)];
  } catch (error) {
    return error instanceof ClipError ? error.code : String(error);
  }
}
