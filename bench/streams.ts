import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import type { Engine } from '../src/engine/engine.ts';
import { silentLog } from '../src/observe/log.ts';
import { Metrics } from '../src/observe/metrics.ts';
import type { JinaRequest } from '../src/protocol/jina/request.ts';
import { type StreamOptions, serveStream } from '../src/protocol/jina/stream.ts';
import type { Site } from '../src/protocol/site.ts';
import type { EmbeddingService } from '../src/service/item.ts';
import { FakeService, testConfig } from '../test/protocol/fake-service.ts';
import { FREE, openFreeService } from './core.ts';
import { median } from './median.ts';

const ROUNDS = 5;
const REQUESTS = 30_000;
const ENGINE_MS = 20;
const SECONDS = 3;
const BATCH = 8;

/**
 * What a stream costs by itself: processor time per request of one text, over a service that costs nothing, with so many
 * in flight. And what one stream gets out of two replicas, as a multiple of one, where an engine takes 20 ms for a batch.
 */
export async function streamsBench(): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const prefetch of [1, 32, 1000]) {
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push(await overheadUs(prefetch));
    figures[`stream_us_per_request_prefetch_${prefetch}`] = median(rounds);
  }
  const [one, two] = [await rate(1), await rate(2)];
  return { ...figures, one_replica_per_second: one, two_replicas_per_second: two, ratio: two / one };
}

async function overheadUs(prefetch: number): Promise<number> {
  const service = new FakeService();
  let turn: Promise<void> | undefined;
  // Answers come together, as those of a batch do; so there are as many in flight as may be.
  service.work = () => {
    turn ??= nextTurn().finally(() => {
      turn = undefined;
    });
    return turn;
  };
  const direct = process.cpuUsage();
  await Promise.all(Array.from({ length: REQUESTS }, () => service.encode([TEXT], IDLE)));
  const own = process.cpuUsage(direct);
  service.seen.length = 0;
  const before = process.cpuUsage();
  let left = REQUESTS;
  const requests = async function* () {
    while (left-- > 0) yield FRAME;
  };
  await serveStream(siteOf(service), stream(requests(), prefetch));
  const { user, system } = process.cpuUsage(before);
  return (user + system - own.user - own.system) / REQUESTS;
}

/** Requests of one text per second of one stream. */
async function rate(replicas: number): Promise<number> {
  const slow: Engine = {
    ...FREE,
    run: async (inputs, signal) => {
      await wait(ENGINE_MS);
      return FREE.run(inputs, signal);
    },
  };
  const { service, scheduler } = await openFreeService(
    Array.from({ length: replicas }, () => slow),
    BATCH,
  );
  let answered = 0;
  const end = performance.now() + SECONDS * 1000;
  const requests = async function* () {
    while (performance.now() < end) yield FRAME;
  };
  const options = stream(requests(), 1000);
  const began = performance.now();
  const send = async () => void answered++;
  await serveStream(siteOf(service), { ...options, send });
  await scheduler.close();
  return answered / ((performance.now() - began) / 1000);
}

const TEXT = { kind: 'text', text: 'a red apple' } as const;
const IDLE = {
  permit: new FakeService().admit(),
  signal: new AbortController().signal,
};
const FRAME = Buffer.alloc(64);

function siteOf(service: EmbeddingService): Site {
  return {
    config: testConfig(),
    service,
    health: { ready: () => ({ ready: true, reasons: [] }) },
    metrics: new Metrics(),
    log: silentLog,
    version: '0.0.0',
  };
}

function stream(requests: AsyncIterable<Buffer>, prefetch: number): StreamOptions<Buffer> {
  return {
    protocol: 'grpc',
    route: 'bench',
    requests,
    decode: (): JinaRequest => ({
      documents: [{ id: 'a', text: TEXT.text }],
      endpoint: '/encode',
      parameters: {},
    }),
    encode: () => FRAME,
    send: async () => {},
    prefetch,
    inOrder: true,
    signal: new AbortController().signal,
  };
}
