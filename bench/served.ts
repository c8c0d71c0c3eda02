import { Agent } from 'node:http';
import { testModel } from '../test/models/test-model.ts';
import { startBuiltServer } from '../test/server/built-server.ts';
import { median } from './median.ts';
import { photo } from './photo.ts';
import { post } from './post.ts';
import { RawRuntime } from './raw-runtime.ts';

const ROUNDS = 3;
const SECONDS = 20;
const BATCH = 32;
/** Two requests of eight images in flight for every batch keep the queue from running dry. */
const CLIENTS = 8;
const PER_REQUEST = 8;
const TOGETHER_MS = 100;

/**
 * Images per second of ONNX Runtime in a bare loop over ready pixels, and of the server over HTTP with 500×375 JPEGs,
 * decode and resize included. One engine thread in both; rounds alternate, so that a drifting machine hits both.
 */
export async function servedBench(): Promise<Record<string, number>> {
  const model = await testModel('ViT-B-32');
  const bodies = await requestBodies();
  const server = await startBuiltServer(model, 1);
  const runtime = await RawRuntime.open({ file: `${model}/visual.onnx`, rows: BATCH });
  const raw: number[] = [];
  const served: number[] = [];
  try {
    await saturate(server.url, bodies, 5);
    for (let round = 0; round < ROUNDS; round++) {
      raw.push(await runtime.measure(SECONDS));
      served.push(await saturate(server.url, bodies, SECONDS));
    }
  } finally {
    await runtime.close();
    await server.stop();
  }
  return {
    raw_images_per_second: median(raw),
    served_images_per_second: median(served),
    served_to_raw: median(served.map((rate, round) => rate / raw[round]!)),
  };
}

/**
 * Images per second between the first and the last batch of the window. The answers of one batch come together, so
 * those of the first count as the start and not as work.
 */
async function saturate(url: string, bodies: Buffer[], seconds: number): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  const end = performance.now() + seconds * 1000;
  const answers: number[] = [];
  const client = async (index: number) => {
    for (let turn = index; performance.now() < end; turn++) {
      await post(`${url}/encode`, bodies[turn % bodies.length]!, agent);
      answers.push(performance.now());
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
  agent.destroy();
  // The clients stop one by one: what is answered after the end came from batches that were no longer full.
  const counted = answers.filter((time) => time <= end);
  const first = counted[0]!;
  const work = counted.filter((time) => time > first + TOGETHER_MS).length;
  return (work * PER_REQUEST) / ((counted.at(-1)! - first) / 1000);
}

async function requestBodies(): Promise<Buffer[]> {
  return Promise.all(
    Array.from({ length: 8 }, async (_, request) => {
      const data = await Promise.all(
        Array.from({ length: PER_REQUEST }, async (_, image) => ({
          blob: (await photo(request * PER_REQUEST + image)).toString('base64'),
        })),
      );
      return Buffer.from(JSON.stringify({ data, parameters: { drop_image_content: true } }));
    }),
  );
}
