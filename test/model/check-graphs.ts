/**
 * `npm run check:graphs [-- NAME…]`: generates the towers of the published shapes (random weights; or the presets named), reads,
 * recognises and rewrites each with every option, compares vectors with the original's in ONNX Runtime, and lets the server's
 * own way settle on a graph. One tower at a time, each in a process of its own; some 6 GB of temporary files at most.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeModel } from '../models/make-model.ts';
import { PRESETS, type Preset } from '../models/presets.ts';
import type { Job, Line } from './check-tower.ts';

const PUBLISHED: readonly Preset[] = [
  'RN50',
  'RN101',
  'RN50x4',
  'RN50x16',
  'RN50x64',
  'ViT-B-32',
  'ViT-B-16',
  'ViT-L-14',
  'ViT-L-14-336',
];
const COLUMNS = ['tower', 'graph', 'differs', '1 - cosine', 'MB', 'write s', 'run s', 'peak MB', ''] as const;
const WIDTHS = [22, 34, 10, 12, 8, 9, 8, 9, 0];

const names = process.argv.slice(2);
const unknown = names.find((name) => !(name in PRESETS));
if (unknown !== undefined) {
  console.error(`expected names of ${Object.keys(PRESETS).join(', ')}; got ${unknown}`);
  process.exit(2);
}
print(COLUMNS);
let failures = 0;
for (const preset of names.length > 0 ? (names as Preset[]) : PUBLISHED) await check(preset);
console.log(failures === 0 ? 'every graph holds' : `${failures} do not hold`);
process.exitCode = failures === 0 ? 0 : 1;

async function check(preset: Preset): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), `clip-${preset}-`));
  try {
    await makeModel(folder, { preset });
    for (const tower of ['text', 'image'] as const)
      await checkTower(`${preset} ${tower}`, { folder, tower, threads: availableParallelism() });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkTower(label: string, job: Job): Promise<void> {
  const child = fork(join(import.meta.dirname, 'check-tower.ts'), {
    execArgv: ['--import', import.meta.resolve('tsx')],
    // JSON has no NaN.
    serialization: 'advanced',
  });
  child.on('message', (line: Line) => {
    if (line.fault !== undefined) failures++;
    print([label, ...cells(line)]);
  });
  child.send(job);
  const [code, signal] = await once(child, 'exit');
  if (code === 0) return;
  failures++;
  print([label, 'process', '', '', '', '', '', '', `ended with ${signal ?? `code ${code}`}`]);
}

function cells({ graph, difference, cosine, megabytes, writeS, runS, peakMb, fault }: Line): string[] {
  const number = (value: number | undefined, show: (value: number) => string) =>
    value === undefined ? '' : show(value);
  return [
    graph,
    number(difference, (value) => value.toExponential(1)),
    number(cosine, (value) => (1 - value).toExponential(1)),
    number(megabytes, (value) => value.toFixed(1)),
    number(writeS, (value) => value.toFixed(2)),
    number(runS, (value) => value.toFixed(2)),
    number(peakMb, (value) => value.toFixed(0)),
    fault ?? '',
  ];
}

function print(texts: readonly string[]): void {
  console.log(
    texts
      .map((text, i) => text.padEnd(WIDTHS[i]!))
      .join(' ')
      .trimEnd(),
  );
}
