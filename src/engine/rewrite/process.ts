import { askChild, type ChildOptions, moduleBeside } from '../../child.ts';
import type { OnProgress } from '../../model/progress.ts';
import type { Report } from './messages.ts';
import type { Task } from './work.ts';

export interface ProcessOptions extends Omit<ChildOptions, 'file'> {
  readonly onProgress: OnProgress;
  /** What the process runs: it takes a `Task` and says `Report`s. */
  readonly file?: URL;
}

/** A process's last word, or how it ended without one. */
export type Outcome = Exclude<Report, { progress: unknown }>;

/**
 * Settles one tower in a process of its own, which is gone when this settles.
 * @throws the signal's reason
 */
export function settleInProcess(task: Task, options: ProcessOptions): Promise<Outcome> {
  const { onProgress, file = moduleBeside(import.meta.url, 'child'), ...bounds } = options;
  return askChild<Report, Outcome>(task, { ...bounds, file }, (report) => {
    if (!('progress' in report)) return report;
    onProgress(report.progress);
    return undefined;
  });
}
