import { ConfigError } from '../config/config.ts';
import { type Addon, loadAddon } from '../native/addon.ts';

/** Runs the program to its end. Exit codes: 0 done or drained, 1 a fault at run time, 2 a fault of the command line or the configuration. */
export async function endWith(run: () => Promise<number>): Promise<void> {
  // Whoever read our output has left: there is nobody to tell.
  process.stdout.on('error', () => process.exit());
  try {
    process.exitCode = await run();
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
