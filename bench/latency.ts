import { Agent } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import * as ort from 'onnxruntime-node';
import { testModel } from '../test/models/test-model.ts';
import { startBuiltServer } from '../test/server/built-server.ts';
import { median } from './median.ts';
import { post } from './served.ts';

const REQUESTS = 500;
const PAUSE_MS = 2;
/** Requests at the start that are not counted. */
const WARM = 50;

/**
 * What an idle server adds to one text, in milliseconds: its own time from the request's first byte to the answer's last,
 * less the time that ONNX Runtime takes for the same row, run as seldom (a processor that rests between two runs is slower at
 * the next); and the client's whole round trip.
 */
export async function latencyBench(): Promise<Record<string, number>> {
  const model = await testModel('tiny');
  const server = await startBuiltServer(model, 1);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const body = Buffer.from(JSON.stringify({ data: [{ text: 'a red apple' }] }));
  const trips: number[] = [];
  const inServer: number[] = [];
  let before = await serverMs(server.url);
  for (let turn = 0; turn < REQUESTS; turn++) {
    const start = performance.now();
    await post(`${server.url}/encode`, body, agent);
    trips.push(performance.now() - start);
    await wait(PAUSE_MS);
    const after = await serverMs(server.url);
    inServer.push(after - before);
    before = after;
  }
  agent.destroy();
  await server.stop();
  const engine = await engineMs(model);
  return {
    round_trip_ms: median(trips.slice(WARM)),
    server_ms: median(inServer.slice(WARM)),
    engine_ms: engine,
    overhead_ms: median(inServer.slice(WARM)) - engine,
  };
}

/** Sum of the times of all requests to `/encode` so far. */
async function serverMs(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const sum = /clip_request_seconds_sum\{[^}]*\/encode[^}]*\} (\S+)/.exec(text);
  return Number(sum?.[1] ?? 0) * 1000;
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
