import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..', '..');
const PLACES = ['build/Release', `prebuilds/${process.platform}-${process.arch}`];

/**
 * Loads what was compiled from native/, own build before prebuild.
 *
 * @param file `clip-server.node`
 * @param what for the message: `The addon`
 * @param remedy command lines that build it, for the message
 * @throws Error with what was tried and what to do
 */
export function requireBuilt(file: string, what: string, remedy: string): unknown {
  const require = createRequire(import.meta.url);
  const failures: string[] = [];
  for (const place of PLACES) {
    const path = join(ROOT, place, file);
    try {
      return require(path);
    } catch (error) {
      failures.push(`${path}: ${existsSync(path) ? (error as Error).message : 'no such file'}`);
    }
  }
  throw new Error(
    `${what} does not load on ${process.platform}-${process.arch}, Node.js ${process.version}:\n  ${failures.join('\n  ')}\n` +
      `Build it with: ${remedy}`,
  );
}

/** The command that compiles what `requireBuilt` loads. */
export const BUILD_NATIVE = `node ${join(ROOT, 'scripts', 'build-native.mjs')}`;
