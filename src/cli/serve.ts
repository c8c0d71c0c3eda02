import { text } from 'node:stream/consumers';
import { readConfig } from '../config/read.ts';
import { startServer } from '../main.ts';
import { createLog } from '../observe/log.ts';
import { banner } from './banner.ts';
import { terminalProgress } from './progress.ts';

/** `clip-server [FLOW]`: serves until a signal, then drains. Resolves to the exit code. */
export async function serve(args: string[]): Promise<number> {
  const fromStdin = args.includes('-i') || args.includes('-');
  const [argument, ...extra] = args.filter((arg) => arg !== '-i' && arg !== '-');
  const config = await readConfig(
    fromStdin ? { stdin: await text(process.stdin) } : { argument },
    process.env,
  );
  Object.assign(process.env, config.environment);
  const log = createLog(config.log);
  for (const warning of config.warnings) log.warn(warning);
  if (extra.length > 0) log.warn(`ignored: ${extra.join(' ')} (one flow is served)`);

  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    let signals = 0;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        signals += 1;
        if (signals > 1) process.reallyExit(1);
        log.info(`${signal}: finishing what is in flight, at most ${config.limits.drainMs / 1000} s`);
        stop.abort();
        resolve();
      });
    }
  });
  const progress = terminalProgress();
  try {
    const server = await startServer(config, { log, progress, signal: stop.signal });
    progress.stop();
    process.stdout.write(banner(server.facts, process.stdout.isTTY === true));
    await Promise.race([stopped, server.failed]);
    await server.close();
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    progress.stop();
  }
  return 0;
}
