import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A file or folder that someone else can write, or that is not what it should be. A sentence. */
export class UntrustedError extends Error {
  override readonly name = 'UntrustedError';
}

/** Bytes read or written between two turns of the event loop: a millisecond. */
export const PIECE_BYTES = 512 * 1024;

/**
 * Makes the folder, for this user alone. Folders above it are made as any other.
 * @throws UntrustedError where others could write in it; Error of the file system where it cannot be made
 */
export async function makePrivateFolder(path: string): Promise<void> {
  if (await isPrivateFolder(path)) return;
  await mkdir(dirname(path), { recursive: true });
  await mkdir(path, { mode: 0o700 }).catch(unlessThere);
  await isPrivateFolder(path);
}

/** Whether it is there. @throws UntrustedError where others could write in it; Error of the file system */
export async function isPrivateFolder(path: string): Promise<boolean> {
  const info = await stat(path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code !== 'ENOENT') throw thrown;
  });
  if (!info) return false;
  if (!info.isDirectory()) throw new UntrustedError(`${path}: expected a folder, found a file`);
  checkOwner(path, info, '700');
  return true;
}

/**
 * Opens a file to read it. A link is not followed.
 * @throws UntrustedError where someone else could have written it; Error of the file system
 */
export async function openPrivate(path: string): Promise<{ file: FileHandle; info: Stats }> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    asUntrusted(path),
  );
  try {
    const info = await file.stat();
    if (!info.isFile()) throw new UntrustedError(`${path}: expected a file, found something else`);
    checkOwner(path, info, '600');
    return { file, info };
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/**
 * Writes a file in one step that no reader sees the middle of, durably but for its name: see `syncFolder`. The unfinished file has
 * the name up to its last dot in front of its own.
 * @throws Error of the file system; then nothing is left behind
 */
export async function writePrivate(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path.slice(0, path.lastIndexOf('.'))}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, at, Math.min(PIECE_BYTES, bytes.length - at), at);
        at += bytesWritten;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => {});
    throw thrown;
  }
}

/** Makes names that were given in the folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}

/** Root can write everywhere in any case. Windows has no such owners. */
function checkOwner(path: string, { uid, mode }: Stats, fit: string): void {
  const own = process.geteuid?.();
  if (own === undefined) return;
  const harm = 'whoever can write an engine can run code in the server';
  if (uid !== own && uid !== 0)
    throw new UntrustedError(
      `${path} belongs to the user ${uid}, and this is the user ${own}: ${harm}; give it to ${own}, or name another folder in CLIP_ENGINE_CACHE`,
    );
  if (mode & 0o022)
    throw new UntrustedError(
      `${path} can be written by others (mode ${(mode & 0o7777).toString(8)}): ${harm}; see that nobody did, then chmod ${fit} it`,
    );
}

function unlessThere(thrown: NodeJS.ErrnoException): void {
  if (thrown.code !== 'EEXIST') throw thrown;
}

function asUntrusted(path: string): (thrown: NodeJS.ErrnoException) => never {
  return (thrown) => {
    throw thrown.code === 'ELOOP' ? new UntrustedError(`${path}: expected a file, found a link`) : thrown;
  };
}
