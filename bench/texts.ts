import { testModel } from '../test/models/test-model.ts';
import { startBuiltServer } from '../test/server/built-server.ts';
import { itemsPerSecond } from './items-per-second.ts';
import { median } from './median.ts';
import { RawRuntime } from './raw-runtime.ts';
import { captions, textsOf, textsOfEach, tokens } from './sample-texts.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = 8;
const RAW_SECONDS = 4;
const CONTEXT = 77;
const RAW_BATCHES = [1, 4, 8, 16, 32];
const PER_REQUEST = 64;
/** As many texts in flight as a client has that sends a file. */
const CLIENTS = 4;

/**
 * Texts per second of the server over HTTP, 64 in a request, as a multiple of what ONNX Runtime gives in a bare loop over the
 * same file with every text padded to 77 columns, at the best batch. One engine thread in both. Each of
 * its windows stands beside one of the server's, so that a drifting machine hits both.
 */
export async function textsBench(): Promise<Record<string, number | string>> {
  const model = await testModel('ViT-B-32');
  const cases: Record<string, string[]> = {
    captions: captions(),
    every_length_4_to_30: textsOfEach(4, 30, 64),
    tokens_16: textsOf(16, 512),
    tokens_32: textsOf(32, 512),
    tokens_48: textsOf(48, 512),
    tokens_77: textsOf(CONTEXT, 512),
  };
  const { raw, rows } = await bestRaw(`${model}/textual.onnx`);
  const server = await startBuiltServer(model, 1);
  const rates: number[] = [];
  const measured = new Map(Object.keys(cases).map((name) => [name, [] as { own: number; ratio: number }[]]));
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, texts] of Object.entries(cases)) {
        const rate = await raw.measure(RAW_SECONDS);
        rates.push(rate);
        const own = await saturate(server.url, texts);
        measured.get(name)!.push({ own, ratio: own / rate });
      }
    }
  } finally {
    await raw.close();
    await server.stop();
  }
  const figures = [...measured].flatMap(([name, values]) => [
    [`${name} texts/s`, median(values.map(({ own }) => own))],
    [`${name} to raw`, median(values.map(({ ratio }) => ratio))],
  ]);
  return {
    'captions, tokens': distribution(cases.captions!),
    'raw texts/s, 77 columns': median(rates),
    'raw rows per run': rows,
    ...Object.fromEntries(figures),
  };
}

async function bestRaw(file: string): Promise<{ raw: RawRuntime; rows: number }> {
  let best = { rows: 0, rate: 0 };
  for (const rows of RAW_BATCHES) {
    const raw = await RawRuntime.open({ file, rows, columns: CONTEXT });
    const rate = await raw.measure(RAW_SECONDS);
    await raw.close();
    if (rate > best.rate) best = { rows, rate };
  }
  const { rows } = best;
  return { raw: await RawRuntime.open({ file, rows, columns: CONTEXT }), rows };
}

function saturate(url: string, texts: readonly string[]): Promise<number> {
  const bodies: Buffer[] = [];
  for (let at = 0; at < texts.length; at += PER_REQUEST) {
    const data = Array.from({ length: PER_REQUEST }, (_, i) => ({ text: texts[(at + i) % texts.length] }));
    bodies.push(Buffer.from(JSON.stringify({ data })));
  }
  return itemsPerSecond({ url, bodies, perRequest: PER_REQUEST, clients: CLIENTS, seconds: SECONDS });
}

/** `558 texts, median 7; 4–8: 63 %, 9–16: …`. */
function distribution(texts: readonly string[]): string {
  const counts = texts.map(tokens);
  const shares = [
    [4, 8],
    [9, 16],
    [17, 30],
  ].map(([from, to]) => {
    const share = counts.filter((count) => count >= from! && count <= to!).length / counts.length;
    return `${from}–${to}: ${Math.round(100 * share)} %`;
  });
  return `${texts.length} texts, median ${median(counts)}; ${shares.join(', ')}`;
}
