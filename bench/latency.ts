import { Agent } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import * as ort from 'onnxruntime-node';
import { testModel } from '../test/models/test-model.ts';
import { startBuiltServer } from '../test/server/built-server.ts';
import { median } from './median.ts';
import { post } from './served.ts';

const REQUESTS = 200;
const ROUNDS = 5;
const PAUSE_MS = 2;
/** Requests at the start that are not counted. */
const WARM = 200;

/**
 * What an idle server adds to one text, in milliseconds: its own time from the request's first byte to the answer's last,
 * less the time that ONNX Runtime takes for the same row, run as seldom (a processor that rests between two runs is slower at
 * the next); and the client's whole round trip. Means of a
 * round for the server, medians of all else.
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
    const before = await serverTime(server.url);
    const times = await trips(REQUESTS);
    const after = await serverTime(server.url);
    const engine = await engineMs(model);
    const inServer = (after.ms - before.ms) / (after.count - before.count);
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

/** Of all requests to `/encode` so far, from the first byte to the last. */
async function serverTime(url: string): Promise<{ ms: number; count: number }> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = (kind: string) =>
    Number(new RegExp(`^clip_request_seconds_${kind}\\{[^}]*/encode[^}]*\\} (\\S+)`, 'm').exec(text)![1]);
  return { ms: value('sum') * 1000, count: value('count') };
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
