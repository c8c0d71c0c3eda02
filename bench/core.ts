import type { Engine } from '../src/engine/engine.ts';
import { silentLog } from '../src/observe/log.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { Admission } from '../src/schedule/admission.ts';
import { Scheduler } from '../src/schedule/scheduler.ts';
import type { Item } from '../src/service/item.ts';
import { Service } from '../src/service/service.ts';
import { median } from './median.ts';

const LONE = 2000;
const BULK = 4096;
const ROUNDS = 5;
const MAX_BATCH = 32;
const IN_FLIGHT = 32;
const PER_ROUND = 20_000;
const LIMITS = {
  itemsPerRequest: BULK,
  requestBytes: 2 ** 20,
  queueItems: 2 * BULK,
  queueBytes: 2 ** 30,
  queueMs: 60_000,
  engineMs: 60_000,
};

/**
 * What scheduler and service cost by themselves, over an engine and a tokeniser that cost nothing: the added time of
 * one text on an idle server, texts per second of one large request, and the processor's time for a request of one text
 * among others.
 */
export async function schedulerOverheadBench(): Promise<Record<string, number>> {
  const { service, scheduler } = await openFreeService([FREE], MAX_BATCH);
  const lone: number[] = [];
  for (let i = 0; i < LONE; i++) lone.push(await timed(service, 1));
  const bulk: number[] = [];
  for (let i = 0; i < ROUNDS; i++) bulk.push(await timed(service, BULK));
  const shared: number[] = [];
  for (let i = 0; i < ROUNDS; i++) shared.push(await processorUs(service));
  await scheduler.close();
  return {
    added_ms_per_lone_text: median(lone),
    texts_per_second_in_bulk: BULK / (median(bulk) / 1000),
    cpu_us_per_text_request: median(shared),
  };
}

/** A service whose preprocessing costs nothing, over these engines of the text tower. */
export async function openFreeService(texts: readonly Engine[], maxBatch: number) {
  const metrics = new Metrics();
  const scheduler = new Scheduler({
    engines: {
      text: texts.map((engine) => ({ members: [async () => engine] })),
      image: [{ members: [async () => FREE] }],
    },
    maxBatch,
    columnsOf: ({ ids }) => ids.length,
    limits: LIMITS,
    startMs: 1000,
    metrics,
    log: silentLog,
  });
  await scheduler.start(new AbortController().signal);
  const refused = () => Promise.reject(new Error('this bench has no pictures'));
  const service = new Service({
    model: 'free',
    resolution: 224,
    tokenizer: { contextLength: 77, take: () => IDS, encode: () => IDS },
    images: { fromBytes: refused, fromTensor: refused },
    uris: { load: refused },
    scheduler,
    admission: new Admission({ limits: LIMITS, metrics }),
    metrics,
    urisAtOnce: 1,
    queueMs: LIMITS.queueMs,
  });
  return { service, scheduler, metrics };
}

const IDS = { ids: new Int32Array(77), length: 2 };

export const FREE: Engine = {
  describe: () => ({
    runtime: 'fake',
    device: 'cpu',
    precision: 'fp32',
    width: 512,
    normalised: false,
  }),
  run: async (inputs) => new Float32Array(inputs.length * 512).fill(1),
  warm: async () => 0,
  close: async () => {},
};

/** Milliseconds for one request of `count` texts. */
async function timed(service: Service, count: number): Promise<number> {
  const items: Item[] = Array.from({ length: count }, () => ({ kind: 'text', text: 'a red apple' }));
  const permit = service.admit();
  const start = performance.now();
  permit.addItems(count);
  await service.encode(items, { permit, signal: new AbortController().signal });
  permit.release();
  return performance.now() - start;
}

/** Microseconds of processor time per request of one text, with IN_FLIGHT at a time. */
async function processorUs(service: Service): Promise<number> {
  let left = PER_ROUND;
  const client = async () => {
    while (left-- > 0) await timed(service, 1);
  };
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: IN_FLIGHT }, client));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / PER_ROUND;
}
