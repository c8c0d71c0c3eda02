import { ClipError } from '../../src/errors.ts';
import { silentLog } from '../../src/observe/log.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { Admission } from '../../src/schedule/admission.ts';
import { Scheduler } from '../../src/schedule/scheduler.ts';
import type { Context, Outcome } from '../../src/service/item.ts';
import { Service, type ServiceOptions } from '../../src/service/service.ts';
import { imageInput, Stage, textInput } from '../engine/fake.ts';

export const LIMITS = {
  itemsPerRequest: 10_000,
  requestBytes: 1000,
  queueItems: 20_000,
  queueBytes: 1_000_000,
  queueMs: 60_000,
  engineMs: 60_000,
};

/** A service whose texts, pictures and URIs are numbers: `7` becomes fakeVector(7), `bad` and `long` are refused. */
export class House {
  readonly texts = new Stage();
  readonly images = new Stage();
  readonly metrics = new Metrics();
  readonly scheduler: Scheduler;
  readonly admission: Admission;
  readonly maxBatch = 4;
  service!: Service;
  /** Pictures being decoded, or decoded and not yet taken by an engine; and the most there ever were. */
  decoded = 0;
  /** URIs asked for, in order. */
  readonly loads: string[] = [];
  /** Where set, loading a URI with a host waits for it. */
  hold: Promise<void> | undefined;

  private constructor(replicas: number) {
    const { metrics, maxBatch } = this;
    this.scheduler = new Scheduler({
      engines: {
        text: Array.from({ length: replicas }, () => ({ members: [this.texts.create] })),
        image: Array.from({ length: replicas }, () => ({ members: [this.images.create] })),
      },
      maxBatch,
      columnsOf: ({ ids }) => ids.length,
      limits: LIMITS,
      startMs: 1000,
      metrics,
      log: silentLog,
    });
    this.admission = new Admission({ limits: LIMITS, metrics });
  }

  static async open(more: Partial<ServiceOptions> = {}, replicas = 1): Promise<House> {
    const house = new House(replicas);
    await house.scheduler.start(new AbortController().signal);
    house.service = new Service({
      model: 'fake',
      resolution: 1,
      tokenizer: {
        contextLength: 1,
        encode: (text) => textInput(numberIn(text)) as { ids: Int32Array; length: number },
        take: (ids) => ({ ids: Int32Array.from(ids), length: ids.length }),
      },
      images: {
        fromBytes: async (bytes) => house.#decode(numberIn(Buffer.from(bytes).toString())),
        fromTensor: async ({ data }) => house.#decode(data[0]!),
      },
      uris: { load: (uri, signal) => house.#load(uri, signal) },
      scheduler: house.scheduler,
      admission: house.admission,
      metrics: house.metrics,
      urisAtOnce: 3,
      queueMs: LIMITS.queueMs,
      ...more,
    });
    return house;
  }

  context(more: Partial<Context> = {}): Context {
    return { permit: this.service.admit(), signal: new AbortController().signal, ...more };
  }

  #decode(key: number): Uint8Array {
    this.decoded++;
    return imageInput(key) as Uint8Array;
  }

  async #load(uri: string, signal: AbortSignal): Promise<Uint8Array> {
    this.loads.push(uri);
    if (this.hold && uri.startsWith('http')) await this.hold;
    if (signal.aborted) throw ClipError.aborted(signal);
    return Buffer.from(uri.replace(/^.*[/,]/, ''));
  }
}

function numberIn(text: string): number {
  if (text === 'long') throw new ClipError('text_too_long', 'a long one');
  if (text === 'bad') throw new ClipError('invalid_image', 'a bad one');
  return Number(text);
}

export function vectorOrCode(outcome: Outcome): number[] | string {
  return 'error' in outcome ? outcome.error.code : [...outcome.vector];
}
