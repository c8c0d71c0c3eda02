import { askChild, type ChildFailure, type ChildOptions, moduleBeside } from '../../../child.ts';
import type { OnProgress } from '../../../model/progress.ts';
import type { Logger } from '../../../observe/log.ts';
import type {
  BuildOutcome,
  BuildTask,
  Examined,
  ExamineTask,
  Failed,
  Reference,
  ReferenceTask,
  Said,
  Task,
} from './messages.ts';

export interface ProcessOptions extends Omit<ChildOptions, 'file'> {
  /** The progress's task. */
  readonly label: string;
  readonly onProgress: OnProgress;
  readonly log: Pick<Logger, 'debug' | 'warn'>;
}

type AnswerTo<T extends Task> = T extends ExamineTask
  ? Examined
  : T extends ReferenceTask
    ? Reference
    : T extends BuildTask
      ? BuildOutcome
      : never;

/**
 * Has a process of its own do the task; it is gone when this settles.
 * @throws the signal's reason
 */
export function askBuilder<T extends Task>(
  task: T,
  { label, onProgress, log, ...bounds }: ProcessOptions,
): Promise<AnswerTo<T> | Failed | ChildFailure> {
  const file = moduleBeside(import.meta.url, 'child');
  return askChild<Said, AnswerTo<T> | Failed>(task, { ...bounds, file }, (said) => {
    if ('answer' in said) return said.answer as AnswerTo<T> | Failed;
    if ('progress' in said) onProgress({ task: label, ...said.progress });
    else if (said.severity === 'warning') log.debug(`TensorRT: ${said.text}`);
    else log.warn(`TensorRT: ${said.text}`);
    return undefined;
  });
}
