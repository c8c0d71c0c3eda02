import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ClipError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import type { CatalogueModel } from './catalogue.ts';
import { type Checksum, Digest, digestFile } from './digest.ts';
import { readNote, type Stamp, stampOf, writeNote } from './note.ts';
import { byteReporter, type OnProgress } from './progress.ts';

/** The reference server's rule: the name as the user wrote it, with `/` and `::` made `-`. */
function folderOf(name: string): string {
  return name.replaceAll('/', '-').replaceAll('::', '-');
}

/** Where a file is written. */
export function cachePath(cache: string, model: CatalogueModel, file: string): string {
  return join(cache, folderOf(model.name), file);
}

/** Where a file may lie, the place where it is written first: `ViT-B-32-openai/`, then `ViT-B-32/`. */
export function cachePaths(cache: string, model: CatalogueModel, file: string): string[] {
  const folders = new Set([model.name, ...model.aliases].map(folderOf));
  return [...folders].map((folder) => join(cache, folder, file));
}

export interface CacheHooks {
  readonly progress: OnProgress;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** The first of the paths that holds the right bytes; a file with others is left alone and named in the log. */
export async function findVerified(
  paths: readonly string[],
  label: string,
  checksum: Checksum,
  hooks: CacheHooks,
): Promise<string | undefined> {
  for (const path of paths) {
    if (await isVerified(path, label, checksum, hooks)) return path;
  }
  return undefined;
}

/** Stamp and hash of a file that was verified, so that the next start need not hash it again. */
interface Verified extends Checksum, Stamp {}

function notePath(path: string): string {
  return join(dirname(path), `.${basename(path)}.verified.json`);
}

async function isVerified(
  path: string,
  label: string,
  checksum: Checksum,
  hooks: CacheHooks,
): Promise<boolean> {
  const info = await stat(path, { bigint: true }).catch(absent);
  if (!info) return false;
  if (!info.isFile()) {
    throw new ClipError('model_unavailable', `${path}: expected a model file, found a folder; remove it`);
  }
  if (await hasNote(path, info, checksum)) return true;
  const digest = new Digest(checksum);
  const report = byteReporter(hooks.progress, label, 'checking', {
    start: 0,
    total: Number(info.size),
    detail: path,
  });
  await digestFile(path, digest, hooks.signal, report);
  const difference = digest.difference();
  if (difference === undefined) await rememberVerified(path, checksum, hooks.log);
  else hooks.log.warn(`${path} is not ${label}: ${difference}`);
  return difference === undefined;
}

function noteOf(info: BigIntStats, checksum: Checksum): Verified {
  return { ...stampOf(info), ...checksum };
}

async function hasNote(path: string, info: BigIntStats, checksum: Checksum): Promise<boolean> {
  const now = noteOf(info, checksum);
  // Without a note, or with one that is not ours, the file is hashed.
  const note = await readNote(notePath(path));
  return (Object.keys(now) as (keyof Verified)[]).every((key) => note?.[key] === now[key]);
}

/** Notes that the file at `path` has the right bytes as it stands. */
export async function rememberVerified(path: string, checksum: Checksum, log: Logger): Promise<void> {
  try {
    const info = await stat(path, { bigint: true });
    await writeNote(notePath(path), noteOf(info, checksum));
  } catch (thrown) {
    // A read-only cache serves as well; its files are hashed at each start.
    log.debug(`${notePath(path)} cannot be written: ${(thrown as Error).message}`);
  }
}

/** How complete a model's file is, without hashing: `verified` by a note that still holds, `present` without one. */
export async function cacheState(
  paths: readonly string[],
  checksum: Checksum,
): Promise<'verified' | 'present' | 'absent'> {
  let state: 'present' | 'absent' = 'absent';
  for (const path of paths) {
    const info = await stat(path, { bigint: true }).catch(absent);
    if (!info?.isFile()) continue;
    if (await hasNote(path, info, checksum)) return 'verified';
    state = 'present';
  }
  return state;
}

function absent(): undefined {
  return undefined;
}
