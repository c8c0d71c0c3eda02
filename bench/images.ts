import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { DEFAULT_LIMITS } from '../src/config/limits.ts';
import { loadAddon } from '../src/native/addon.ts';
import { Metrics } from '../src/observe/metrics.ts';
import { ImagePreprocessor } from '../src/preprocess/image/preprocessor.ts';

const SIZES = [
  [500, 375],
  [640, 480],
] as const;
const SECONDS = 2;
const ROUNDS = 3;

/** Prints images per second of CPU time for one file: the reference's Resize, CenterCrop and convert on Pillow. */
const PILLOW = `
import io, sys, time
from PIL import Image
data = open(sys.argv[1], 'rb').read()
def crop():
    image = Image.open(io.BytesIO(data))
    width, height = image.size
    short, long = min(width, height), max(width, height)
    stretched = int(224 * long / short)
    image = image.resize((224, stretched) if width <= height else (stretched, 224), Image.BICUBIC)
    left, top = round((image.width - 224) / 2), round((image.height - 224) / 2)
    return image.crop((left, top, left + 224, top + 224)).convert('RGB').tobytes()
for _ in range(10): crop()
count, start, cpu = 0, time.perf_counter(), time.process_time()
while time.perf_counter() - start < ${SECONDS}: crop(); count += 1
print(count / (time.process_time() - cpu))
`;

/**
 * Decode, resize and crop of JPEG photographs in images per second of CPU time, all threads together: what one core
 * does, also on a machine that is busy. With the ratio to Pillow in the Python of `BENCH_PYTHON`; the rounds alternate.
 */
export async function imagesBench(): Promise<Record<string, number | string>> {
  const folder = await mkdtemp(join(tmpdir(), 'clip-bench-'));
  const results: Record<string, number | string> = {};
  try {
    for (const [width, height] of SIZES) {
      const file = join(folder, `${width}x${height}.jpg`);
      await writeFile(file, await photograph(width, height));
      Object.assign(results, await compare(file, `${width}x${height}`));
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return results;
}

async function compare(file: string, name: string): Promise<Record<string, number | string>> {
  const python = process.env.BENCH_PYTHON;
  const own: number[] = [];
  const pillow: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    own.push(await measureOwn(file));
    if (python) pillow.push(Number(await output(python, ['-c', PILLOW, file])));
  }
  const [ours, theirs] = [median(own), median(pillow)];
  if (!python)
    return { [`${name} images/s`]: round1(ours), [`${name} Pillow images/s`]: 'BENCH_PYTHON is not set' };
  return {
    [`${name} images/s`]: round1(ours),
    [`${name} Pillow images/s`]: round1(theirs),
    [`${name} ratio`]: Math.round((ours / theirs) * 100) / 100,
  };
}

async function measureOwn(file: string): Promise<number> {
  const bytes = await readFile(file);
  const images = new ImagePreprocessor({
    resolution: 224,
    workers: 2,
    limits: DEFAULT_LIMITS,
    addon: loadAddon(),
    metrics: new Metrics(),
  });
  const { signal } = new AbortController();
  const lane = async (until: number) => {
    let count = 0;
    for (; performance.now() < until; count++) await images.fromBytes(bytes, signal);
    return count;
  };
  const both = (milliseconds: number) => {
    const until = performance.now() + milliseconds;
    return Promise.all([lane(until), lane(until)]);
  };
  await both(200);
  const start = process.cpuUsage();
  const counts = await both(SECONDS * 1000);
  images.close();
  const { user, system } = process.cpuUsage(start);
  return ((counts[0]! + counts[1]!) / (user + system)) * 1e6;
}

/** Gradients, shapes and a little grain: about as many bytes a pixel as a photograph at quality 85. */
async function photograph(width: number, height: number): Promise<Buffer> {
  const data = Buffer.alloc(width * height * 3);
  let seed = 1;
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    for (let c = 0; c < 3; c++) {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      const wave = 70 * Math.sin(x / (11 + 7 * c) + y / 29) + 40 * Math.cos((x * y) / (4000 + 900 * c));
      data[i * 3 + c] = Math.max(0, Math.min(255, 128 + wave + ((seed >> 16) % 17) - 8));
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 85 })
    .toBuffer();
}

async function output(command: string, args: string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return text;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const round1 = (value: number) => Math.round(value * 10) / 10;
