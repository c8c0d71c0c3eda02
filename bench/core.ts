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
const LIMITS = {
  itemsPerRequest: BULK,
  requestBytes: 1,
  queueItems: 2 * BULK,
  queueBytes: 1,
  queueMs: 60_000,
  engineMs: 60_000,
};

/**
 * What scheduler and service cost by themselves, over an engine and a tokeniser that cost nothing: the added time of
 * one text on an idle server, and texts per second of one large request.
 */
export async function schedulerOverheadBench(): Promise<Record<string, number>> {
  const metrics = new Metrics();
  const scheduler = new Scheduler({
    engines: { text: [async () => FREE], image: [async () => FREE] },
    maxBatch: MAX_BATCH,
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
    tokenizer: { contextLength: 77, encode: () => IDS },
    images: { fromBytes: refused, fromTensor: refused },
    uris: { load: refused },
    scheduler,
    admission: new Admission({ limits: LIMITS, metrics }),
    metrics,
    urisAtOnce: 1,
    queueMs: LIMITS.queueMs,
  });
  const lone: number[] = [];
  for (let i = 0; i < LONE; i++) lone.push(await timed(service, 1));
  const bulk: number[] = [];
  for (let i = 0; i < ROUNDS; i++) bulk.push(await timed(service, BULK));
  await scheduler.close();
  return {
    added_ms_per_lone_text: median(lone),
    texts_per_second_in_bulk: BULK / (median(bulk) / 1000),
  };
}

const IDS = { ids: new Int32Array(77), length: 2 };

const FREE: Engine = {
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
