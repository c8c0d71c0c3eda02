/**
 * `npm run test:gpu [-- MODEL…] [--only PHASE,…]`: tries this project on the GPU of this host. docs/gpu.md says what it does
 * and by which variables it is told what. Exit code 0: something passed and nothing failed; 1: something failed; 2: there is
 * no GPU that could be tried, or the command line is wrong.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { version } from '../../src/cli/help.ts';
import { readConfig } from '../../src/config/read.ts';
import type { Preset } from '../models/presets.ts';
import { Budget } from './budget.ts';
import { buildModels } from './builds.ts';
import { lookAtHost, memoryOf, type Run } from './host.ts';
import { MODELS, presetOf } from './models.ts';
import { attempt, attemptInChild, finderOf } from './phase.ts';
import { type Figures, PHASES, type Phase, Report } from './report.ts';
import { checkServingFaults } from './serving-faults.ts';
import { soak } from './soak.ts';
import { checkStoredPlans } from './stored-plans.ts';
import { measureServer } from './throughput.ts';
import { measureTorch } from './torch.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MINUTES = 25;
/** Models that are soaked, the first ones. */
const SOAKED = 2;

const say = (line: string) => void process.stdout.write(`${line}\n`);

interface Wishes {
  readonly presets: readonly Preset[];
  readonly phases: readonly Phase[];
  readonly minutes: number;
}

async function main(wishes: Wishes): Promise<number> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => stop.abort(new Error(`stopped by ${name}`)));
  const path = resolve(process.env.GPU_REPORT || `${ROOT}/build/gpu-report.json`);
  say('looking at the host …');
  const host = await lookAtHost(stop.signal);
  const head = {
    program: `clip-server ${version()}`,
    began: new Date().toISOString(),
    minutes: wishes.minutes,
    host: host.facts,
  };
  const { tensorrt } = host;
  if ('lacking' in tensorrt) {
    const skipped = `no GPU can be tried here: ${tensorrt.lacking}`;
    new Report(path, { ...head, skipped }, say);
    say(`skipped: ${skipped}; clip-server doctor says what to install`);
    return 2;
  }
  const report = new Report(path, head, say);
  const run: Run = {
    tensorrt,
    config: await readConfig({ argument: 'jtype: Flow' }, process.env),
    report,
    budget: new Budget(wishes.minutes, wishes.phases),
    stop: stop.signal,
    quick: process.env.GPU_QUICK === '1',
    models: [],
  };
  const models = resolve(process.env.GPU_MODELS || `${ROOT}/.cache/gpu-models`);
  say('build …');
  await buildModels(run, wishes.presets, models, memoryOf(host));
  for (const phase of wishes.phases) {
    if (phase === 'build') continue;
    say(`${phase} …`);
    await DO[phase](run);
  }
  say(`\n${report.table()}\n${path}`);
  return report.code;
}

const DO: Readonly<Record<Exclude<Phase, 'build'>, (run: Run) => Promise<void>>> = {
  graphs: async (run) => {
    for (const model of run.models) await attemptInChild(run, 'graphs', 'graphs', model);
  },
  kernels: (run) => attemptInChild(run, 'kernels', 'kernels'),
  faults,
  soak: async (run) => {
    for (const model of run.models.slice(0, SOAKED)) {
      const find = finderOf(run, 'soak', model);
      await attempt(run, 'soak', 'soak', find, (signal) => soak(run, model, find, signal));
    }
    if (run.models.length === 0) without(run, 'soak', 'soak');
  },
  throughput: async (run) => {
    for (const model of run.models) await throughput(run, model);
    if (run.models.length === 0) without(run, 'throughput', 'throughput');
  },
};

async function faults(run: Run): Promise<void> {
  const [model] = run.models;
  if (!model) return without(run, 'faults', 'faults');
  const find = finderOf(run, 'faults', model);
  await attempt(run, 'faults', 'damaged plans', find, (signal) => checkStoredPlans(run, model, find, signal));
  await attemptInChild(run, 'faults', 'plans', model);
  const name = 'a serving process falls';
  await attempt(run, 'faults', name, find, (signal) => checkServingFaults(run, model, find, signal));
  const largest = run.models.toSorted((a, b) => b.bytes - a.bytes)[0]!;
  await attemptInChild(run, 'faults', 'memory', largest);
}

async function throughput(run: Run, model: Run['models'][number]): Promise<void> {
  const find = finderOf(run, 'throughput', model);
  const own = new Map<string, Figures>();
  await attemptInChild(run, 'throughput', 'rates', model, ({ name, figures }) =>
    own.set(name, figures ?? {}),
  );
  const name = 'through the server';
  await attempt(run, 'throughput', name, find, () => measureServer(run, model, find));
  await attempt(run, 'throughput', 'PyTorch', find, (signal) => measureTorch(model, own, find, signal));
}

function without({ report }: Run, phase: Phase, name: string): void {
  report.add({ phase, name, outcome: 'not run', detail: 'no model has engines' });
}

/** @throws Error for a command line that is wrong */
function readWishes(): Wishes {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { only: { type: 'string' } },
  });
  const only = values.only?.split(',') ?? PHASES;
  const unknown = only.find((name) => !PHASES.some((phase) => phase === name));
  if (unknown !== undefined)
    throw new Error(`--only: expected phases of ${PHASES.join(', ')}, got ${unknown}`);
  const minutes = Number(process.env.GPU_MINUTES || MINUTES);
  if (!(minutes > 0)) throw new Error(`GPU_MINUTES: expected minutes, got ${process.env.GPU_MINUTES}`);
  return {
    presets: positionals.length > 0 ? positionals.map(presetOf) : MODELS,
    // All others need the engines, which the cache may have.
    phases: PHASES.filter((phase) => phase === 'build' || only.includes(phase)),
    minutes,
  };
}

/** A command line that is wrong ends the process. */
function wishesOrEnd(): Wishes {
  try {
    return readWishes();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(2);
  }
}

// Ends at once: whatever the libraries have left behind in this process is not waited for.
process.exit(
  await main(wishesOrEnd()).catch((error: Error) => {
    process.stderr.write(`${error.stack}\n`);
    return 1;
  }),
);
