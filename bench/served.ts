import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import sharp from 'sharp';
import { testModel } from '../test/models/test-model.ts';
import { startBuiltServer } from '../test/server/built-server.ts';
import { median } from './median.ts';

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
  const raw: number[] = [];
  const served: number[] = [];
  try {
    await saturate(server.url, bodies, 5);
    for (let round = 0; round < ROUNDS; round++) {
      raw.push(await rawRate(model));
      served.push(await saturate(server.url, bodies, SECONDS));
    }
  } finally {
    await server.stop();
  }
  return {
    raw_images_per_second: median(raw),
    served_images_per_second: median(served),
    served_to_raw: median(served.map((rate, round) => rate / raw[round]!)),
  };
}

async function rawRate(model: string): Promise<number> {
  const child = fork(new URL('./raw.ts', import.meta.url), [model, String(BATCH), String(SECONDS)], {
    execArgv: ['--import', 'tsx'],
  });
  const [rate] = (await once(child, 'message')) as [number];
  return rate;
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

export function post(url: string, body: Buffer, agent: Agent): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const call = request(url, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks));
        else reject(new Error(`${response.statusCode}: ${Buffer.concat(chunks).toString().slice(0, 300)}`));
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}

async function requestBodies(): Promise<Buffer[]> {
  return Promise.all(
    Array.from({ length: 8 }, async (_, request) => {
      const data = await Promise.all(
        Array.from({ length: PER_REQUEST }, async (_, image) => ({
          blob: await photo(request * PER_REQUEST + image),
        })),
      );
      return Buffer.from(JSON.stringify({ data, parameters: { drop_image_content: true } }));
    }),
  );
}

/** A 500×375 JPEG of about a photo's size: soft shapes with grain. */
async function photo(seed: number): Promise<string> {
  const noise = { type: 'gaussian' as const, mean: 128, sigma: 12 };
  const grain = await sharp({ create: { width: 500, height: 375, channels: 3, background: '#777', noise } })
    .png()
    .toBuffer();
  const hue = (seed * 47) % 360;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="500" height="375"><defs><radialGradient id="g">
    <stop offset="0" stop-color="hsl(${hue},80%,60%)"/><stop offset="1" stop-color="hsl(${hue + 120},60%,30%)"/>
    </radialGradient></defs><rect width="500" height="375" fill="url(#g)"/>
    <circle cx="${(seed * 83) % 500}" cy="${(seed * 61) % 375}" r="90" fill="hsl(${hue + 200},70%,50%)"/></svg>`;
  const jpeg = await sharp(Buffer.from(svg))
    .composite([{ input: grain, blend: 'soft-light' }])
    .jpeg({ quality: 88 })
    .toBuffer();
  return jpeg.toString('base64');
}
