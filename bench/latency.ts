import { Agent } from 'node:http';
import * as ort from 'onnxruntime-node';
import { testModel } from '../test/models/test-model.ts';
import { median } from './median.ts';
import { post } from './served.ts';
import { startBuiltServer } from './server.ts';

const REQUESTS = 500;

/**
 * What an idle server adds to one text: the client's whole HTTP round trip, less the time that ONNX Runtime takes for the
 * same row in a bare loop. Medians, in milliseconds; the round trip includes the client's own share.
 */
export async function latencyBench(): Promise<Record<string, number>> {
  const model = await testModel('tiny');
  const server = await startBuiltServer(model, 1);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const body = Buffer.from(JSON.stringify({ data: [{ text: 'a red apple' }] }));
  const trips: number[] = [];
  for (let turn = 0; turn < REQUESTS; turn++) {
    const start = performance.now();
    await post(`${server.url}/encode`, body, agent);
    if (turn >= REQUESTS / 10) trips.push(performance.now() - start);
  }
  agent.destroy();
  await server.stop();
  const engine = await engineMs(model);
  return { round_trip_ms: median(trips), engine_ms: engine, overhead_ms: median(trips) - engine };
}

async function engineMs(model: string): Promise<number> {
  const session = await ort.InferenceSession.create(`${model}/textual.onnx`, { intraOpNumThreads: 1 });
  const feeds = Object.fromEntries(
    session.inputNames.map((name) => [name, new ort.Tensor('int32', new Int32Array(77).fill(1), [1, 77])]),
  );
  const runs: number[] = [];
  for (let turn = 0; turn < REQUESTS; turn++) {
    const start = performance.now();
    await session.run(feeds);
    runs.push(performance.now() - start);
  }
  return median(runs);
}
