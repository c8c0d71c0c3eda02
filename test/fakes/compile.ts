import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { lock } from 'proper-lockfile';

const BUILT = resolve(import.meta.dirname, '../../build/fakes');
const RETRY_MS = 200;
const RETRIES = 3000;
const STALE_MS = 120_000;
const FLAGS = [
  '-std=c++20',
  '-fPIC',
  '-pthread',
  '-ffp-contract=off',
  '-Wall',
  '-Wextra',
  '-Wno-unused-parameter',
];
/** The headers of 11 call their own flag for strong typing deprecated. */
const QUIET = ['-Wno-deprecated-declarations'];

const run = promisify(execFile);

export type Sanitizer = 'address,undefined' | 'thread';

/** Headers that something is compiled with. */
export interface Headers {
  readonly folder: string;
  readonly flags: readonly string[];
  readonly fingerprint: string;
}

/**
 * The folder `name` of what tests compile, which `make` fills where it isn't there. It has its name when it is whole;
 * processes that ask at once share one making.
 */
export async function once(name: string, make: (unfinished: string) => Promise<void>): Promise<string> {
  const folder = join(BUILT, name);
  if (existsSync(folder)) return folder;
  await mkdir(BUILT, { recursive: true });
  const release = await lock(folder, {
    realpath: false,
    stale: STALE_MS,
    retries: { retries: RETRIES, factor: 1, minTimeout: RETRY_MS, maxTimeout: RETRY_MS },
  });
  try {
    if (existsSync(folder)) return folder;
    const unfinished = `${folder}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished);
    await make(unfinished);
    await rename(unfinished, folder);
  } finally {
    await release();
  }
  return folder;
}

/** Optimised without a sanitizer only: with one, that takes the compiler four times as long. @throws with the compiler's words */
export async function compile(
  output: string,
  sources: readonly string[],
  flags: readonly string[],
  sanitizer?: Sanitizer,
): Promise<void> {
  const sanitized = sanitizer ? ['-O0', '-g1', `-fsanitize=${sanitizer}`] : ['-O1'];
  const all = ['-o', output, ...sources, ...FLAGS, ...QUIET, ...sanitized, ...flags];
  await run(process.env.CXX ?? 'c++', all);
}
