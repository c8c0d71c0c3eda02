import { onAbort } from '../../src/abort.ts';
import { askChild, moduleBeside } from '../../src/child.ts';
import { withLibraries } from '../../src/host/verdict.ts';
import { type BuiltModel, DEVICE, type Run } from './host.ts';
import type { Phase } from './report.ts';
import type { Finding, Said, Task } from './tasks.ts';

/** ms for one task of a process; what takes longer hangs. */
const HANG_MS = 600_000;
const WINDOW_MS = 700;
const QUICK_WINDOW_MS = 10;

/** Adds findings of a phase, one model's or none's. */
export type Find = (finding: Finding) => void;

export function finderOf({ report }: Run, phase: Phase, model?: BuiltModel): Find {
  return (finding) => report.add({ phase, ...(model && { model: model.preset }), ...finding });
}

/**
 * Does a part of a phase: what it throws is a failure, but where its time ran out, it was not run. Without time it is not begun.
 */
export async function attempt(
  run: Run,
  phase: Phase,
  name: string,
  find: Find,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(new Error('its time is over')), run.budget.left(phase));
  const leave = onAbort(run.stop, () => over.abort(run.stop.reason));
  const began = performance.now();
  try {
    if (run.budget.left(phase) <= 0) throw new Error('no time was left');
    await work(over.signal);
  } catch (error) {
    const { message } = error as Error;
    if (run.stop.aborted) find({ name, outcome: 'not run', detail: 'the run was stopped' });
    else if (run.budget.left(phase) > 0) find({ name, outcome: 'failed', detail: message });
    else {
      const seconds = (performance.now() - began) / 1000;
      const words = seconds < 1 ? 'no time was left' : `its time ran out after ${seconds.toFixed(0)} s`;
      find({ name, outcome: 'not run', detail: words });
    }
  } finally {
    clearTimeout(timer);
    leave();
  }
}

/** Has a process do the task; its findings become rows, and so does its fall. */
export function attemptInChild(
  run: Run,
  phase: Phase,
  task: Task['do'],
  model?: BuiltModel,
  onFinding: Find = () => {},
): Promise<void> {
  const find = finderOf(run, phase, model);
  const { tensorrt, config, quick } = run;
  const whole: Task = {
    do: task,
    tensorrt,
    engines: config.engines,
    device: DEVICE,
    ...(model && { plans: model.plans }),
    windowMs: quick ? QUICK_WINDOW_MS : WINDOW_MS,
  };
  return attempt(run, phase, task, find, async (signal) => {
    const bounds = { signal, limitMs: HANG_MS, environment: withLibraries(process.env, tensorrt) };
    const file = moduleBeside(import.meta.url, 'child');
    const end = await askChild<Said, object>(whole, { ...bounds, file }, (said) => {
      if ('over' in said) return {};
      find(said.finding);
      onFinding(said.finding);
      return undefined;
    });
    if ('failure' in end) throw new Error(String(end.failure));
  });
}
