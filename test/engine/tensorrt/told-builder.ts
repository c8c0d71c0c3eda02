import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type BuildOutcome,
  type BuildTask,
  type Examined,
  PLAN_FILE,
  TIMINGS_FILE,
} from '../../../src/engine/tensorrt/building/messages.ts';
import type { askBuilder } from '../../../src/engine/tensorrt/building/process.ts';

/** What becomes of one build. */
export type Turn =
  | 'passes'
  /** Until its time is up, and longer than it may then take to end. */
  | 'hangs'
  /** The signal that ends its process. */
  | 'SIGKILL'
  | 'SIGSEGV'
  | Extract<BuildOutcome, { wrong: string } | { fault: string }>;

/** As the real library writes it for 10.15.1.29. */
const HEADER = [0x66, 0x74, 0x72, 0x74, ...new Array(20).fill(0), 10, 15, 1, 29];

/** Stands in for the processes that build, see `askBuilder`. */
export class ToldBuilder {
  examined: Examined | { readonly failure: string };
  /** Of the builds, in their order. */
  turns: Turn[];
  /** What was asked for so far: `build RECIPE ROWS WORKSPACE`. */
  tasks: string[] = [];

  constructor(examined: Examined, turns: readonly Turn[]) {
    this.examined = examined;
    this.turns = [...turns];
  }

  readonly ask = (async (task, { signal, limitMs, log, label, onProgress }) => {
    signal.throwIfAborted();
    if (task.do !== 'build') this.tasks.push(task.do);
    if (task.do === 'examine') return this.examined;
    if (task.do === 'reference') return { reference: task.inputs.map(() => Float32Array.of(1, 2)) };
    log.warn('TensorRT: the library’s own words');
    onProgress({
      task: label,
      phase: 'building',
      done: 1,
      total: 2,
      unit: 'steps',
      detail: task.recipe,
    });
    return this.#build(task, limitMs, signal);
  }) as typeof askBuilder;

  async #build(task: BuildTask, limitMs: number, signal: AbortSignal) {
    const { recipe, maxBatch, workspaceBytes, folder, timingCache } = task;
    const timings = timingCache ? ' timed' : '';
    this.tasks.push(`build ${recipe} ${maxBatch} ${workspaceBytes / 2 ** 20}${timings}`);
    await writeFile(join(folder, 'graph.onnx'), 'a graph');
    const turn = this.turns.shift()!;
    if (turn === 'hangs') {
      await wait(limitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      return { failure: `it took longer than ${limitMs / 1000} s` };
    }
    if (turn === 'SIGKILL' || turn === 'SIGSEGV')
      return { failure: `its process ended with ${turn}`, endedBy: turn };
    if (typeof turn === 'object') return turn;
    const plan = Uint8Array.of(...HEADER, ...Buffer.from(`${recipe} ${maxBatch}`));
    await writeFile(join(folder, PLAN_FILE), plan);
    await writeFile(join(folder, TIMINGS_FILE), 'timings');
    return { buildSeconds: 1.5, parity: { inputs: 64, mean: 0.99999, least: 0.9999 }, canary: [1, 2] };
  }
}
