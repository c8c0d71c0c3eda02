import { ConfigError } from '../config/config.ts';
import { filesFromEnvironment } from '../config/files.ts';
import { resolveModel } from '../model/catalogue.ts';
import { fetchModel } from '../model/prepare.ts';
import { createLog } from '../observe/log.ts';
import { createProgress } from './progress.ts';

const USAGE =
  'Usage: clip-server pull NAME…\nFetches models into the cache; `clip-server models` lists the names.';

/**
 * Fetches the named models and prints the paths of their files. Resolves to the exit code: 0 all are there and verified,
 * 1 a file could not be had, 2 a name or the environment is wrong.
 */
export async function pull(args: string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(USAGE);
    return 0;
  }
  if (args.length === 0 || args.some((arg) => arg.startsWith('-'))) {
    console.error(USAGE);
    return 2;
  }
  const stop = new AbortController();
  const onSignal = () =>
    stop.abort(new Error('stopped; what was fetched is kept, and the next pull continues there'));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const display = createProgress();
  try {
    await pullAll(args, stop.signal, display.show);
    return 0;
  } catch (thrown) {
    display.close();
    console.error((thrown as Error).message);
    return thrown instanceof ConfigError ? 2 : 1;
  } finally {
    display.close();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function pullAll(
  names: readonly string[],
  signal: AbortSignal,
  progress: Parameters<typeof fetchModel>[2]['progress'],
): Promise<void> {
  const models = names.map(resolveModel);
  const files = await filesFromEnvironment(process.env);
  const log = createLog({ level: 'warn', format: 'auto', healthRequests: false });
  for (const model of models) {
    const { text, image } = await fetchModel(model, files, { progress, log, signal });
    console.log(`${model.name}\n  ${text}\n  ${image}`);
  }
}
