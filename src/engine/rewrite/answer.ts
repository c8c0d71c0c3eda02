import { answerParent } from '../../child.ts';
import { isUnfit } from './home.ts';
import type { Report } from './messages.ts';
import { type Rewrite, settle, type Task } from './work.ts';

/** The process's end of the wire: takes one task, and reports until it is settled. */
export function answerTask(rewrite: Rewrite): void {
  answerParent<Task, Report>((task, say) => {
    settle(task, rewrite, (progress) => say({ progress })).then(
      (verdict) => say({ verdict }),
      (error: Error) => say(isUnfit(error) ? { unfit: error.message } : { failure: error.message }),
    );
  });
}
