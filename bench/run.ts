import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { schedulerOverheadBench } from './core.ts';
import { grpcWindowBench } from './grpc-window.ts';
import { imageTowerBench } from './image-tower.ts';
import { imagesBench } from './images.ts';
import { latencyBench } from './latency.ts';
import { protocolsBench } from './protocols.ts';
import { rewriteBench } from './rewrite.ts';
import { searchBench } from './search.ts';
import { servedBench } from './served.ts';
import { streamsBench } from './streams.ts';
import { textsBench } from './texts.ts';
import { tokenizerBench } from './tokenizer.ts';

const BENCHES = {
  served: servedBench,
  texts: textsBench,
  rewrite: rewriteBench,
  images: imagesBench,
  'image-tower': imageTowerBench,
  tokenizer: tokenizerBench,
  latency: latencyBench,
  scheduler: schedulerOverheadBench,
  'grpc-window': grpcWindowBench,
  streams: streamsBench,
  protocols: protocolsBench,
  search: searchBench,
};

// npm run bench [-- NAME…] [--out FILE]: a table on the terminal, and JSON in FILE. BENCH_ROUNDS=1 makes texts and
// image-tower short.
const args = process.argv.slice(2);
const out = args.includes('--out') ? args.splice(args.indexOf('--out'), 2)[1] : undefined;
const results: Record<string, unknown> = {
  machine: `${cpus().length} × ${cpus()[0]?.model}`,
  node: process.version,
};
for (const [name, bench] of Object.entries(BENCHES)) {
  if (args.length > 0 && !args.includes(name)) continue;
  process.stderr.write(`${name} …\n`);
  const figures = await bench();
  results[name] = figures;
  for (const [figure, value] of Object.entries(figures)) {
    const shown = typeof value === 'number' ? value.toFixed(value < 10 ? 3 : 1) : value;
    process.stdout.write(`${name.padEnd(10)} ${figure.padEnd(40)} ${shown}\n`);
  }
}
if (out !== undefined) writeFileSync(out, `${JSON.stringify(results, null, 2)}\n`);
process.exit();
