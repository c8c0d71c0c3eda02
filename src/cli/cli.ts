import { ConfigError } from '../config/config.ts';
import { type Addon, loadAddon } from '../native/addon.ts';
import { doctor } from './doctor.ts';
import { encode } from './encode.ts';
import { engines } from './engines.ts';
import { HELP, version } from './help.ts';
import { inspect } from './inspect.ts';
import { models } from './models.ts';
import { pull } from './pull.ts';
import { ready } from './ready.ts';
import { serve } from './serve.ts';

/** Exit codes: 0 done or drained, 1 a fault at run time, 2 a fault of the command line or the configuration. */
export async function cli(args: string[]): Promise<void> {
  // Whoever read our output has left: there is nobody to tell.
  process.stdout.on('error', () => process.exit());
  try {
    process.exitCode = await run(args);
  } catch (error) {
    process.stderr.write(`clip-server: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof ConfigError ? 2 : 1;
  }
  // Standard output may be a pipe that is not yet drained.
  process.stdout.write('', () => exit(process.exitCode as number));
}

/** An engine may still be loading or hang; nothing that matters is left to be done. */
function exit(code: number): void {
  let addon: Addon;
  try {
    addon = loadAddon();
  } catch {
    // Without the addon no engine was ever begun.
    process.exit(code);
  }
  addon.exitNow(code);
}

async function run(args: string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === 'models') return models(rest);
  if (first === 'pull') return pull(rest);
  if (first === 'inspect') return inspect(rest);
  if (first === 'doctor') return doctor(rest);
  if (first === 'engines') return engines(rest);
  if (first === 'encode') return encode(rest);
  if (first === 'ready') return ready(rest);
  if (args.includes('--help') || args.includes('-h')) return print(HELP);
  if (args.includes('--version') || args.includes('-v')) return print(`${version()}\n`);
  return serve(args);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
