import type { BigIntStats } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';

/** What tells a file from one that took its place. Archives that set every time alike leave the inode to do it. */
export interface Stamp {
  readonly size: number;
  /** ns since the epoch, as decimal digits. */
  readonly modified: string;
  /** As decimal digits. */
  readonly inode: string;
}

export function stampOf({ size, mtimeNs, ino }: BigIntStats): Stamp {
  return { size: Number(size), modified: String(mtimeNs), inode: String(ino) };
}

/** A note that an earlier start left, where it is a JSON object; undefined where there is none, or something else. */
export async function readNote(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const note: unknown = JSON.parse(await readFile(path, 'utf8'));
    const isObject = typeof note === 'object' && note !== null && !Array.isArray(note);
    return isObject ? (note as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Writes a note in one step that no reader sees the middle of. @throws Error of the file system */
export async function writeNote(path: string, note: object): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  try {
    await writeFile(temporary, JSON.stringify(note));
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw thrown;
  }
}
