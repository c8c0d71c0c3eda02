import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Logger } from '../observe/log.ts';
import { type Addon, loadAddon } from './addon.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url));

/**
 * The addon, compiled first where neither a built nor a prebuilt one loads: on another platform, or an older C library.
 *
 * @throws Error with what did not load and what the compiler said
 */
export async function obtainAddon(log: Logger, signal: AbortSignal): Promise<Addon> {
  try {
    return loadAddon();
  } catch (failure) {
    log.info('compiling the addon, once: none of those at hand loads on this machine');
    try {
      await promisify(execFile)(process.execPath, [SCRIPT, 'clip-server'], { signal });
    } catch (error) {
      const { stderr, message } = error as Error & { stderr?: string };
      throw new Error(`${(failure as Error).message}\n${stderr || message}`, { cause: error });
    }
    return loadAddon();
  }
}
