import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { lock } from 'proper-lockfile';
import { makeModel } from './make-model.ts';
import type { ModelOptions } from './options.ts';
import type { Preset } from './presets.ts';

const CACHE = resolve(import.meta.dirname, '../../.cache/test-models');
const RETRY_MS = 100;
const RETRIES = 3000;

/** Directory with a pair made by `makeModel`, kept between runs; test files that ask at once share one making. */
export async function testModel(preset: Preset, options: Omit<ModelOptions, 'preset'> = {}): Promise<string> {
  const all: ModelOptions = { preset, ...options };
  const directory = join(CACHE, `${preset}-${await fingerprint(all)}`);
  if (existsSync(directory)) return directory;
  await mkdir(CACHE, { recursive: true });
  const release = await lock(directory, {
    realpath: false,
    retries: { retries: RETRIES, factor: 1, minTimeout: RETRY_MS, maxTimeout: RETRY_MS },
  });
  try {
    if (!existsSync(directory)) await makeAtomically(directory, all);
  } finally {
    await release();
  }
  return directory;
}

async function makeAtomically(directory: string, options: ModelOptions): Promise<void> {
  const unfinished = `${directory}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await makeModel(unfinished, options);
  await rename(unfinished, directory);
}

let sources: Promise<string> | undefined;

/** Changes with the options and with the code that makes models, so that no stale model is found. */
async function fingerprint(options: ModelOptions): Promise<string> {
  sources ??= readSources();
  const key = JSON.stringify(Object.entries(options).sort());
  return createHash('sha256')
    .update(await sources)
    .update(key)
    .digest('hex')
    .slice(0, 12);
}

async function readSources(): Promise<string> {
  const names = await readdir(import.meta.dirname);
  const files = names.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(import.meta.dirname, name), 'utf8')));
  return texts.join('\n');
}
