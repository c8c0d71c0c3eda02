import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from '../../../model/progress.ts';
import type { TowerContract } from '../../../model/tower.ts';
import { type BuiltPlan, openTensorRt, type TensorRt, type TensorRtError } from '../../../native/tensorrt.ts';
import { summariseLayers } from '../layers.ts';
import { judgeParity } from '../parity.ts';
import { runParity } from '../parity-runs.ts';
import { referenceVectors } from '../reference.ts';
import { plannedGraph, weightsDigest, writeGraph } from './graph.ts';
import {
  type Answer,
  type BuildOutcome,
  type BuildTask,
  type Examined,
  type ExamineTask,
  type Libraries,
  PLAN_FILE,
  type Reference,
  type ReferenceTask,
  type Said,
  type Task,
  TIMINGS_FILE,
} from './messages.ts';

type Say = (said: Said) => void;

/** A run of the gate that takes longer hangs: the largest batch of the largest tower takes a few seconds. */
const HANG_MS = 60_000;

/** Does a task of the process that builds. Rejects where it cannot be done. */
export function work(task: Task, say: Say): Promise<Answer> {
  if (task.do === 'examine') return examine(task);
  return task.do === 'reference' ? makeReference(task, say) : build(task, say);
}

/** A major without a module is refused by the door. */
function open({ major, ...paths }: Libraries): TensorRt {
  return openTensorRt({ major: major as 10 | 11, ...paths });
}

async function examine({ libraries, device, contract, cache }: ExamineTask): Promise<Examined> {
  const { version, devices } = open(libraries);
  const found = devices[device];
  if (!found) throw new Error(`expected a GPU ${device}, the driver shows ${devices.length}`);
  const [weights, graph] = [await weightsDigest(contract, cache), await plannedGraph(contract)];
  return { version, device: found, weights, graph };
}

async function makeReference({ contract, inputs, threads }: ReferenceTask, say: Say): Promise<Reference> {
  const onStep = stepsOf(say, 'proving', 'vectors of the original');
  return { reference: await referenceVectors(contract, inputs, threads, onStep) };
}

async function build(task: BuildTask, say: Say): Promise<BuildOutcome> {
  try {
    const tensorRt = open(task.libraries);
    say({ progress: { phase: 'rewriting', done: 0, unit: 'steps', detail: task.recipe } });
    const contract = await writeGraph(task.contract, task.recipe, task.folder);
    const began = performance.now();
    const built = await buildInTime(tensorRt, contract, task, say);
    const buildSeconds = (performance.now() - began) / 1000;
    if (contract !== task.contract)
      for (const file of [contract.path, `${contract.path}.data`]) await rm(file, { force: true });
    const verdict = await prove(tensorRt, built.plan, contract, task, say);
    if ('wrong' in verdict) return verdict;
    await writeFile(join(task.folder, PLAN_FILE), built.plan);
    await writeFile(join(task.folder, TIMINGS_FILE), built.timingCache);
    const layers = summariseLayers(built.layers);
    return { ...verdict, buildSeconds, ...(layers && { layers }) };
  } catch (thrown) {
    const { code = 'failed', message } = thrown as TensorRtError;
    return { fault: code, message };
  }
}

async function buildInTime(
  tensorRt: TensorRt,
  contract: TowerContract,
  task: BuildTask,
  say: Say,
): Promise<BuiltPlan> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), task.limitMs);
  const { device, profiles, workspaceBytes, optimisationLevel, timingCache, recipe } = task;
  try {
    return await tensorRt.build(
      {
        path: contract.path,
        device,
        profiles,
        workspaceBytes,
        optimisationLevel,
        // What computes in float32 is there for the precision.
        tf32: false,
        ...(timingCache && { timingCache }),
      },
      {
        signal: late.signal,
        onProgress: (phase, done, total) => stepsOf(say, 'building', `${recipe}, ${phase}`)(done, total),
        onMessage: (severity, text) => say({ severity, text }),
      },
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Opens the plan as the server does, and lets it run through the gate. */
async function prove(
  tensorRt: TensorRt,
  plan: Uint8Array,
  contract: TowerContract,
  { device, inputs, reference, maxBatch, recipe }: BuildTask,
  say: Say,
) {
  const engine = await tensorRt.open(plan, device);
  try {
    const context = await engine.context({ graphs: true, hangMs: HANG_MS });
    const runs = await runParity(context, {
      contract,
      inputs: inputs.map(({ input }) => input),
      maxBatch,
      onStep: stepsOf(say, 'proving', recipe),
    });
    const verdict = judgeParity({ names: inputs.map(({ name }) => name), reference, runs });
    if (verdict.passed) return { parity: verdict.parity, canary: [...runs[0]!.vectors] };
    const { reason, parity } = verdict;
    return { wrong: reason, ...(parity && { parity }) };
  } finally {
    await engine.close();
  }
}

function stepsOf(say: Say, phase: Progress['phase'], detail: string) {
  return (done: number, total: number) => say({ progress: { phase, done, total, unit: 'steps', detail } });
}
