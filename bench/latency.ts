import { Agent } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import * as ort from 'onnxruntime-node';
import { testModel } from '../test/models/test-model.ts';
import { startBuiltServer } from '../test/server/built-server.ts';
import { median } from './median.ts';
import { post } from './post.ts';

const REQUESTS = 200;
const ROUNDS = 5;
const PAUSE_MS = 2;
/** Requests at the start that are not counted. */
const WARM = 200;

/**
 * What an idle server adds to one text, in milliseconds: its own time from the request's first byte to the answer's last,
 * less the time that ONNX Runtime takes for the same row, run as seldom (a processor that rests between two runs is slower at
 * the next); and the client's whole round trip. All are medians.
 */
export async function latencyBench(): Promise<Record<string, number>> {
  const model = await testModel('tiny');
  const server = await startBuiltServer(model, 1);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const body = Buffer.from(JSON.stringify({ data: [{ text: 'a red apple' }] }));
  const trips = async (count: number) => {
    const times: number[] = [];
    for (let turn = 0; turn < count; turn++) {
      const start = performance.now();
      await post(`${server.url}/encode`, body, agent);
      times.push(performance.now() - start);
      await wait(PAUSE_MS);
    }
    return times;
  };
  await trips(WARM);
  const rounds: Record<string, number>[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = await serverTimes(server.url);
    const times = await trips(REQUESTS);
    const after = await serverTimes(server.url);
    const engine = await engineMs(model);
    const inServer = medianBetween(before, after);
    rounds.push({ trip: median(times), server: inServer, engine, overhead: inServer - engine });
  }
  agent.destroy();
  await server.stop();
  const middle = (name: string) => median(rounds.map((round) => round[name]!));
  return {
    round_trip_ms: middle('trip'),
    server_ms: middle('server'),
    engine_ms: middle('engine'),
    overhead_ms: middle('overhead'),
  };
}

/** Requests to `/encode` so far that took at most so many ms, from the first byte to the last. */
type Histogram = readonly { readonly ms: number; readonly count: number }[];

async function serverTimes(url: string): Promise<Histogram> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const buckets = text.matchAll(/^clip_request_seconds_bucket\{le="([\d.]+)",[^}]*\/encode[^}]*\} (\d+)/gm);
  return [...buckets].map(([, seconds, count]) => ({ ms: Number(seconds) * 1000, count: Number(count) }));
}

/** As Prometheus' histogram_quantile does: even within a bucket. */
function medianBetween(before: Histogram, after: Histogram): number {
  const counts = after.map(({ ms, count }, index) => ({ ms, count: count - (before[index]?.count ?? 0) }));
  const half = counts.at(-1)!.count / 2;
  const found = counts.findIndex(({ count }) => count >= half);
  const { ms: top, count: upTo } = counts[found]!;
  const { ms: bottom, count: below } = counts[found - 1] ?? { ms: 0, count: 0 };
  return bottom + ((half - below) / (upTo - below)) * (top - bottom);
}

async function engineMs(model: string): Promise<number> {
  const session = await ort.InferenceSession.create(`${model}/textual.onnx`, { intraOpNumThreads: 1 });
  const feeds = Object.fromEntries(
    session.inputNames.map((name) => [name, new ort.Tensor('int32', new Int32Array(77).fill(1), [1, 77])]),
  );
  const runs: number[] = [];
  for (let turn = 0; turn < REQUESTS; turn++) {
    await wait(PAUSE_MS);
    const start = performance.now();
    await session.run(feeds);
    runs.push(performance.now() - start);
  }
  return median(runs);
}
