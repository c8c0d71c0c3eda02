import { stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { inOrder } from '../../client/ordered.ts';
import type { Fault } from '../embed/embedder.ts';
import { picturesIn } from '../pictures.ts';
import type { IndexedFile, IndexFile } from './index-file.ts';

/** A picture of the folder that the index does not hold as it is. */
export interface ChangedFile {
  /** Relative to the folder. */
  readonly path: string;
  readonly size: number;
  /** As the index keeps it: `IndexedFile.modified`. */
  readonly modified: number;
}

/** Something below the folder that has no vector. */
export interface FileFault {
  /** Relative to the folder. */
  readonly path: string;
  readonly fault: Fault;
}

export interface Scan {
  readonly changed: readonly ChangedFile[];
  /** Paths in the index of files that are not there any more. */
  readonly gone: readonly string[];
  readonly faults: readonly FileFault[];
}

const AT_ONCE = 64;
/** ms for which a file's last change must be over: file systems tell times apart by up to two seconds. */
const SETTLED_MS = 2000;

/** Compares a folder with its index by sizes and times. @throws Error where the folder itself cannot be read; ClipError where aborted */
export async function scan(folder: string, { files }: IndexFile, signal: AbortSignal): Promise<Scan> {
  const seen = new Set<string>();
  const unreadable: string[] = [];
  const faults: FileFault[] = [];
  const noteUnreadable = (at: string, error: Error) => {
    if (at === folder) throw error;
    unreadable.push(`${relative(folder, at)}/`);
    faults.push({ path: relative(folder, at), fault: { code: 'invalid_input', message: error.message } });
  };
  const changed: ChangedFile[] = [];
  const look = async (full: string) => ({ path: relative(folder, full), found: await statOf(full) });
  const found = picturesIn(folder, { onUnreadable: noteUnreadable });
  for await (const { path, found: now } of inOrder(found, AT_ONCE, look, signal)) {
    if ('fault' in now) {
      faults.push({ path, fault: now.fault });
      continue;
    }
    seen.add(path);
    if (!isSame(files.get(path), now)) changed.push({ path, ...now });
  }
  const isKept = (path: string) => seen.has(path) || unreadable.some((below) => path.startsWith(below));
  const gone = [...files.keys()].filter((path) => !isKept(path));
  return { changed, gone, faults };
}

/** What tells a later change of the file. */
async function statOf(path: string): Promise<Omit<ChangedFile, 'path'> | { readonly fault: Fault }> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error(`expected a file, got something else at ${path}`);
    const { size, mtimeMs } = found;
    return { size, modified: Date.now() - mtimeMs < SETTLED_MS ? 0 : mtimeMs };
  } catch (error) {
    return { fault: { code: 'invalid_input', message: (error as Error).message } };
  }
}

function isSame(known: IndexedFile | undefined, now: { size: number; modified: number }): boolean {
  return (
    known !== undefined && now.modified !== 0 && known.size === now.size && known.modified === now.modified
  );
}
