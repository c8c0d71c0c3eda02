import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClipError } from '../../errors.ts';
import { quote } from './quote.ts';

/**
 * A regular file below `folder`. Paths outside are refused before the file system is asked, so that answers do not tell
 * what exists there; links are followed only to places inside.
 *
 * @param uri a `file:` URI, or a path; relative paths start at `folder`
 * @throws ClipError invalid_uri where there is no such regular file, forbidden_uri, image_too_large
 */
export async function readLocalFile(uri: string, folder: string, maxBytes: number): Promise<Uint8Array> {
  const where = quote(uri);
  try {
    const root = await realpath(folder);
    const path = resolve(root, pathOf(uri, where));
    if (!isInside(path, root) && !isInside(path, resolve(folder))) throw forbidden(where);
    const real = await realpath(path);
    if (!isInside(real, root)) throw forbidden(where);
    // Without O_NONBLOCK, opening a pipe that nobody writes to would never end.
    const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      return await readAll(file, maxBytes, where);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof ClipError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'an error';
    throw new ClipError('invalid_uri', `${where}: expected a readable file, got ${code}`);
  }
}

function pathOf(uri: string, where: string): string {
  if (uri.includes('\0'))
    throw new ClipError('invalid_uri', `${where}: expected a path, got one with a zero byte`);
  return /^\s*file:/i.test(uri) ? fileURLToPath(uri) : uri;
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function readAll(file: FileHandle, maxBytes: number, where: string): Promise<Uint8Array> {
  const status = await file.stat();
  if (!status.isFile() || status.size === 0) {
    const found = status.isFile() ? 'an empty one' : 'something else';
    throw new ClipError('invalid_uri', `${where}: expected a regular file with content, got ${found}`);
  }
  if (status.size > maxBytes) {
    throw new ClipError(
      'image_too_large',
      `${where}: expected at most ${maxBytes} bytes, got ${status.size}`,
    );
  }
  const bytes = Buffer.alloc(status.size);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

function forbidden(where: string): ClipError {
  return new ClipError(
    'forbidden_uri',
    `${where}: expected a path inside the folder of fetch.folder, got one outside`,
  );
}
