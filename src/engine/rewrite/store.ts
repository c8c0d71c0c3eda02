import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { env } from 'onnxruntime-node';
import { readNote, writeNote } from '../../model/note.ts';
import { REWRITER_VERSION } from '../../model/rewrite/rewrite.ts';
import type { TowerContract } from '../../model/tower.ts';
import { filesOf, type Home, keyIn } from './home.ts';
import type { RewritePlan } from './plan.ts';
import { areUnchanged, type HashedFile, hashFile } from './source.ts';
import type { Refusal, Settled } from './verdict.ts';

/** Of the recogniser and the proof: to be raised whenever one of them changes what it does. */
const VERSION = 1;

/** What a verdict depends on. ONNX Runtime computes differently on other processors. */
export function keyOf(files: readonly HashedFile[], plan: RewritePlan): string {
  const sources = files.map(({ name, sha256 }) => [name, sha256]);
  const all = [VERSION, REWRITER_VERSION, sources, plan, env.versions.node, process.arch];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 16);
}

const REASONS: ReadonlySet<string> = new Set<Refusal['reason']>(['not_recognised', 'not_proved']);

/** A contract without its place, which may move. */
type Unplaced = Omit<TowerContract, 'path'>;

/** A verdict as it is noted. */
interface Note {
  readonly plan: RewritePlan;
  readonly verdict: Refusal | { readonly served: 'rewritten'; readonly contract: Unplaced };
  /** What was written for it. */
  readonly files: readonly HashedFile[];
}

/**
 * The verdict of an earlier start. `trust` says how its files are checked: by their stamps, or, where these do not match, by
 * their hashes, after which the note has the new stamps.
 */
export async function findVerdict(
  home: Home,
  key: string,
  trust: 'stamps' | 'hashes',
): Promise<Settled | undefined> {
  const note = await readNote(filesOf(home, key).note);
  if (!isNote(note, basename(filesOf(home, key).graph))) return undefined;
  if (!(await areUnchanged(home.folder, note.files))) {
    if (trust === 'stamps') return undefined;
    const files = await rehash(home, note.files);
    if (!files) return undefined;
    await writeNote(filesOf(home, key).note, { ...note, files });
  }
  const { verdict } = note;
  if (verdict.served === 'original') return verdict;
  const contract = { ...verdict.contract, path: filesOf(home, key).graph };
  return { served: 'rewritten', reason: 'proved', contract };
}

/** Someone may have edited it: a verdict that cannot be served from is none. */
function isNote(note: object | undefined, graph: string): note is Note {
  const { verdict, files } = (note ?? {}) as Partial<Note>;
  if (!verdict || !Array.isArray(files)) return false;
  if (verdict.served === 'original') return REASONS.has(verdict.reason) && typeof verdict.detail === 'string';
  const { input, output, tower } = verdict.contract ?? {};
  return (
    verdict.served === 'rewritten' &&
    [input?.name, output?.name, tower].every((part) => typeof part === 'string') &&
    files.some((file) => file?.name === graph)
  );
}

async function rehash(home: Home, noted: readonly HashedFile[]): Promise<HashedFile[] | undefined> {
  const files: HashedFile[] = [];
  for (const { name, sha256 } of noted) {
    const file = await hashFile(home.folder, basename(name)).catch(() => undefined);
    if (file?.sha256 !== sha256) return undefined;
    files.push(file);
  }
  return files;
}

/** Notes a verdict about what was written, which makes it count, and clears away what is of no use any more. */
export async function commit(home: Home, key: string, plan: RewritePlan, verdict: Settled): Promise<void> {
  const { graph, data, note } = filesOf(home, key);
  const files: HashedFile[] = [];
  if (verdict.served === 'rewritten') {
    const names = new Set(await readdir(home.folder));
    for (const path of [graph, data])
      if (names.has(basename(path))) files.push(await hashFile(home.folder, basename(path)));
  } else for (const path of [graph, data]) await rm(path, { force: true });
  await writeNote(note, { plan, verdict: unplaced(verdict), files } satisfies Note);
  await sweep(home, { key, plan });
}

function unplaced(verdict: Settled): Note['verdict'] {
  if (verdict.served === 'original') return verdict;
  const { path: _, ...contract } = verdict.contract;
  return { served: 'rewritten', contract };
}

/**
 * Removes graphs without a note, which a start that was cut off has left; and where a verdict was reached, those that it
 * replaces: of the same plan, from other files, by another version. To be called by the holder of the home's lock.
 */
export async function sweep(home: Home, reached?: { key: string; plan: RewritePlan }): Promise<void> {
  const names = await readdir(home.folder);
  for (const key of new Set(names.map((name) => keyIn(home, name)))) {
    if (key === undefined) continue;
    const { graph, data, note } = filesOf(home, key);
    const noted = (await readNote(note)) as Partial<Note> | undefined;
    const replaced = key !== reached?.key && JSON.stringify(noted?.plan) === JSON.stringify(reached?.plan);
    const kept = noted && !replaced ? new Set([graph, data, note].map((path) => basename(path))) : undefined;
    for (const name of names)
      if (keyIn(home, name) === key && !kept?.has(name)) await rm(join(home.folder, name), { force: true });
  }
}
