/** Process that serves by TensorRT: a supervisor started it, tells it what to serve, and follows it with another where it falls. */
import { loadAddon } from '../native/addon.ts';
import { createLog } from '../observe/log.ts';
import type { FromServing, Task, ToServing } from '../supervise/messages.ts';
import { endWith } from './end.ts';
import { serveUntil } from './serve-until.ts';

const stop = new AbortController();
const reloads: (() => void)[] = [];

function ask(reason: string): void {
  stop.abort(new Error(reason));
}

// The supervisor asks by its channel. A signal may come as well, from whoever ends all processes of a service at once.
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => ask(`stopped by ${name}`));
process.on('disconnect', () => {
  if (stop.signal.aborted) loadAddon().exitNow(1);
  ask('the supervisor is gone');
});
process.on('message', (said: ToServing) => {
  if (said === 'stop') ask('stopped by the supervisor');
  else if (said === 'reload') for (const reload of reloads) reload();
  else void endWith(() => serveTask(said));
});

function serveTask({ config, tensorrt, restarts }: Task): Promise<number> {
  const tell = (said: FromServing) =>
    new Promise<void>((resolve) => {
      if (process.connected) process.send!(said, undefined, undefined, () => resolve());
      else resolve();
    });
  const onReload = (act: () => void) => void reloads.push(act);
  const log = createLog(config.log, config.name);
  const supervised = { tensorrt, restarts, tell, onReload };
  return serveUntil(stop.signal, config, { log, supervised }).catch(async (error: Error) => {
    await tell({ why: error.message });
    throw error;
  });
}
