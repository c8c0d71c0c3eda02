import { isUnfit } from './home.ts';
import type { Report } from './messages.ts';
import { type Rewrite, settle, type Task } from './work.ts';

/** The process's end of the wire: takes one task, and reports until it is settled. */
export function answerTask(rewrite: Rewrite): void {
  const say = (report: Report) => void process.send!(report);
  // Whoever asked ends this process; a terminal's Ctrl-C reaches both, and must not look like a fault.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => {});
  // Nobody is left to tell, and ONNX Runtime would not be waited for in vain.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.once('message', (task: Task) => {
    settle(task, rewrite, (progress) => say({ progress })).then(
      (verdict) => say({ verdict }),
      (error: Error) => say(isUnfit(error) ? { unfit: error.message } : { failure: error.message }),
    );
  });
}
