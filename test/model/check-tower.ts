/** Process that checks one tower of full shape: it takes one `Job`, and says a `Line` for each graph. */
import { once } from 'node:events';
import { rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { planOf } from '../../src/engine/rewrite/plan.ts';
import { proofInputs } from '../../src/engine/rewrite/proof-inputs.ts';
import { rewriteRecognised } from '../../src/engine/rewrite/recognised.ts';
import { settle } from '../../src/engine/rewrite/work.ts';
import type { TowerArchitecture } from '../../src/model/architecture/architecture.ts';
import { recognise } from '../../src/model/architecture/recognise.ts';
import { establishTower } from '../../src/model/contract.ts';
import { readOnnx } from '../../src/model/onnx/read.ts';
import type { RewriteOptions } from '../../src/model/rewrite/options.ts';
import { rewriteTower } from '../../src/model/rewrite/rewrite.ts';
import type { Tower, TowerContract, TowerInput } from '../../src/model/tower.ts';
import { apart, nameOf, variantsOf, vectorsOf } from './rewrites.ts';

export interface Job {
  /** Holds `textual.onnx` and `visual.onnx`. */
  readonly folder: string;
  readonly tower: Tower;
  readonly threads: number;
}

export interface Line {
  readonly graph: string;
  /** Largest, as a part of a vector's largest component. */
  readonly difference?: number;
  /** Least. */
  readonly cosine?: number;
  /** Of files written, 10⁶ bytes. */
  readonly megabytes?: number;
  readonly writeS?: number;
  /** Opening the graph and running it on eight inputs. */
  readonly runS?: number;
  /** Most memory that the process has had so far, 10⁶ bytes. */
  readonly peakMb?: number;
  readonly fault?: string;
}

const LEAST_COSINE = { fp32: 0.999_999_9, half: 0.9995 };
const MOST_DIFFERENCE = 1e-5;

// Whoever asked is gone, or has all it asked for.
process.once('disconnect', () => process.exit());
const [job] = (await once(process, 'message')) as [Job];
await checkTower(job);
process.disconnect();

async function checkTower({ folder, tower, threads }: Job): Promise<void> {
  say({ graph: 'start', peakMb: peakMb() });
  const path = join(folder, tower === 'text' ? 'textual.onnx' : 'visual.onnx');
  const read = await timed(async () => {
    const model = await readOnnx(path);
    const contract = await establishTower(model, tower, {});
    return { contract, recognition: await recognise(model, contract) };
  });
  const { contract, recognition } = read.value;
  const { size } = await stat(path);
  const reading = { graph: 'read and recognised', megabytes: size / 1e6, writeS: read.s, peakMb: peakMb() };
  if ('reason' in recognition) return say({ ...reading, fault: recognition.reason });
  say(reading);
  const { architecture } = recognition;
  const inputs = proofInputs(contract, vocabularyOf(architecture));
  const original = await timed(() => vectorsOf(contract, groupsOf(inputs), threads));
  say({ graph: 'original', runS: original.s, peakMb: peakMb() });
  for (const options of variantsOf(architecture))
    say(await checkVariant(contract, architecture, options, { inputs, expected: original.value, threads }));
  await sayServed(contract, threads);
}

interface Expected {
  readonly inputs: readonly TowerInput[];
  readonly expected: readonly Float32Array[];
  readonly threads: number;
}

async function checkVariant(
  contract: TowerContract,
  architecture: TowerArchitecture,
  options: RewriteOptions,
  { inputs, expected, threads }: Expected,
): Promise<Line> {
  const graph = nameOf(options);
  const target = `${contract.path}.rewritten.onnx`;
  try {
    const { signal } = new AbortController();
    const written = await timed(() => rewriteTower(architecture, options, target, signal));
    const bytes = (await sizeOf(target)) + (await sizeOf(`${target}.data`));
    const run = await timed(() => vectorsOf(written.value, groupsOf(inputs), threads));
    const { cosine, difference } = apart(expected, run.value);
    const isFull = options.precision === 'fp32';
    const holds = isFull
      ? cosine >= LEAST_COSINE.fp32 && difference <= MOST_DIFFERENCE
      : cosine >= LEAST_COSINE.half;
    return {
      ...{ graph, cosine, difference, megabytes: bytes / 1e6, writeS: written.s, runS: run.s },
      peakMb: peakMb(),
      ...(!holds && { fault: 'DIFFERS' }),
    };
  } catch (thrown) {
    return { graph, fault: (thrown as Error).message };
  } finally {
    for (const file of [target, `${target}.data`]) await rm(file, { force: true });
  }
}

/** What the server would come to by itself. */
async function sayServed(contract: TowerContract, threads: number): Promise<void> {
  const plan = planOf(contract);
  const home = { folder: dirname(contract.path), stem: '.settled' };
  const task = { contract, plan, home, threads, label: contract.path };
  const settled = await timed(() => settle(task, rewriteRecognised, () => {}));
  const { value, s } = settled;
  const fault = value.served === 'original' && { fault: value.detail };
  say({ graph: `the server's: ${nameOf(plan.options)}`, runS: s, peakMb: peakMb(), ...fault });
}

/** The first half one by one, the others together: a row must not depend on its batch. */
function groupsOf(inputs: readonly TowerInput[]): TowerInput[][] {
  const half = inputs.length / 2;
  return [...inputs.slice(0, half).map((input) => [input]), inputs.slice(half)];
}

function vocabularyOf(architecture: TowerArchitecture) {
  if (architecture.family !== 'text') return undefined;
  return { size: architecture.tokens.dims[0]!, endToken: architecture.endToken };
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly s: number }> {
  const start = performance.now();
  return { value: await work(), s: (performance.now() - start) / 1000 };
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

function peakMb(): number {
  return (process.resourceUsage().maxRSS * 1024) / 1e6;
}

function say(line: Line): void {
  process.send!(line);
}
