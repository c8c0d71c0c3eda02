import sharp from 'sharp';
import { testModel } from '../test/models/test-model.ts';
import { startBuiltServer } from '../test/server/built-server.ts';
import { itemsPerSecond } from './items-per-second.ts';
import { median } from './median.ts';
import { photo } from './photo.ts';
import { RawRuntime, type RawSettings } from './raw-runtime.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = 8;
const SEARCH_SECONDS = 2;
const PASSES = 3;
const CORES = 2;
const RAW_BATCHES = [1, 2, 4, 8, 16];
/** Refined are the layouts and batches that come out best at first. */
const REFINED = 2;
const PER_REQUEST = 16;
const CLIENTS = 8;
/** Little to decode: the measure is the tower's speed. */
const SIDE = 64;

type Choice = Omit<RawSettings, 'file'>;

interface Tried {
  readonly choice: Choice;
  /** Images per second. */
  readonly rate: number;
}

interface Served {
  readonly name: string;
  readonly server: Awaited<ReturnType<typeof startBuiltServer>>;
  /** Images per second, by round. */
  readonly rates: number[];
  /** To the best bare setting's just before. */
  readonly ratios: number[];
}

/** Ways to use two cores, by what a flow says. */
const SERVED = {
  'server defaults': {},
  'server replicas 2': { replicas: 2 },
  'server minibatch_size 8': { encoder: { minibatch_size: 8 } },
  'server replicas 2, minibatch_size 8': { replicas: 2, encoder: { minibatch_size: 8 } },
};

/**
 * Images per second of ViT-B/32 on two cores: of ONNX Runtime in a bare loop over ready pixels, at every setting tried, and of
 * the server over HTTP, which decodes and resizes small pictures, and shares the two cores with the client. The servers take
 * turns, with the best bare setting before each, and the ratios are to it.
 */
export async function imageTowerBench(): Promise<Record<string, number | string>> {
  const model = await testModel('ViT-B-32');
  const file = `${model}/visual.onnx`;
  const tried = await search(file);
  const [best] = tried;
  const raw = await RawRuntime.open({ ...best!.choice, file });
  const bodies = await requestBodies();
  const figures: Record<string, number | string> = {};
  for (const { choice, rate } of tried) figures[`raw ${describe(choice)}`] = rate;
  const rates: number[] = [];
  const served: Served[] = [];
  try {
    for (const [name, options] of Object.entries(SERVED))
      served.push({ name, server: await startBuiltServer(model, CORES, options), rates: [], ratios: [] });
    for (let round = 0; round < ROUNDS; round++)
      for (const { server, rates: own, ratios } of served) {
        rates.push(await raw.measure(SECONDS));
        own.push(await saturate(server.url, bodies));
        ratios.push(own.at(-1)! / rates.at(-1)!);
      }
  } finally {
    for (const { server } of served) await server.stop();
    await raw.close();
  }
  for (const { name, rates: own, ratios } of served) {
    figures[`${name}, images/s`] = median(own);
    figures[`${name}, to best raw`] = median(ratios);
    figures[`${name}, lowest and highest`] =
      `${Math.min(...ratios).toFixed(2)} ${Math.max(...ratios).toFixed(2)}`;
  }
  return { ...figures, 'best raw': describe(best!.choice), 'best raw images/s': median(rates) };
}

/** All settings tried, the fastest first: each layout at each batch, then the other settings at the best of these. */
async function search(file: string): Promise<Tried[]> {
  const layouts: Choice[] = [
    { sessions: 1, threads: CORES },
    { sessions: CORES, threads: 1 },
  ].flatMap((layout) => RAW_BATCHES.map((rows) => ({ ...layout, rows })));
  const coarse = await compare(file, layouts);
  const variants: Partial<Choice>[] = [
    { spinning: false },
    { pattern: false },
    { arena: false, pattern: false },
    { graph: 'extended' },
    { graph: 'basic' },
    { graph: 'disabled' },
  ];
  const refined = coarse
    .slice(0, REFINED)
    .flatMap(({ choice }) => variants.map((other) => ({ ...choice, ...other })));
  return [...coarse, ...(await compare(file, refined))].sort(fastest);
}

/** All are loaded, then measured in turn several times; the fastest time of each counts, since others can only slow it. */
async function compare(file: string, choices: readonly Choice[]): Promise<Tried[]> {
  const open: RawRuntime[] = [];
  try {
    for (const choice of choices) open.push(await RawRuntime.open({ ...choice, file }));
    const rates = choices.map(() => 0);
    for (let pass = 0; pass < PASSES; pass++)
      for (const [at, raw] of open.entries())
        rates[at] = Math.max(rates[at]!, await raw.measure(SEARCH_SECONDS));
    return choices.map((choice, at) => ({ choice, rate: rates[at]! })).sort(fastest);
  } finally {
    for (const raw of open) await raw.close();
  }
}

function fastest(a: Tried, b: Tried): number {
  return b.rate - a.rate;
}

function describe({ sessions, threads, rows, ...rest }: Choice): string {
  const others = Object.entries(rest).map(([name, value]) => `, ${name} ${value}`);
  return `${sessions}×${threads} threads, batch ${rows}${others.join('')}`;
}

function saturate(url: string, bodies: readonly Buffer[]): Promise<number> {
  return itemsPerSecond({ url, bodies, perRequest: PER_REQUEST, clients: CLIENTS, seconds: SECONDS });
}

async function requestBodies(): Promise<Buffer[]> {
  const pictures = await Promise.all(
    Array.from({ length: PER_REQUEST }, async (_, seed) => {
      const small = sharp(await photo(seed)).resize(SIDE, SIDE, { fit: 'fill' });
      return (await small.jpeg().toBuffer()).toString('base64');
    }),
  );
  const data = pictures.map((blob) => ({ blob }));
  return [Buffer.from(JSON.stringify({ data, parameters: { drop_image_content: true } }))];
}
