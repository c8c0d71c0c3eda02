import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { digestFile } from '../../model/digest.ts';
import { readNote, type Stamp, stampOf, writeNote } from '../../model/note.ts';
import { externalFiles } from '../../model/onnx/external-data.ts';
import { readOnnx } from '../../model/onnx/read.ts';
import { type Home, isUnfit } from './home.ts';

/** One of a model's files. */
export interface HashedFile extends Stamp {
  /** From the model's folder. */
  readonly name: string;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

function notePath({ folder, stem }: Home): string {
  return join(folder, `${stem}.sha256.json`);
}

/** Hashes of the model's files as an earlier start noted them; undefined where there is no note, or a file has changed. */
export async function recallHashes(home: Home, model: string): Promise<readonly HashedFile[] | undefined> {
  const files = (await readNote(notePath(home)))?.files;
  if (!Array.isArray(files) || files.length === 0) return undefined;
  const folder = dirname(model);
  if (resolve(folder, String(files[0]?.name)) !== model) return undefined;
  return (await areUnchanged(folder, files)) ? (files as HashedFile[]) : undefined;
}

/** True where each file still has the stamp that it was noted with. */
export async function areUnchanged(folder: string, files: readonly Partial<HashedFile>[]): Promise<boolean> {
  for (const { name, size, modified, inode } of files) {
    if (typeof name !== 'string') return false;
    const info = await stat(join(folder, name), { bigint: true }).catch(() => undefined);
    const now = info && stampOf(info);
    if (now?.size !== size || now?.modified !== modified || now?.inode !== inode) return false;
  }
  return true;
}

/** Hashes the model's files, the ONNX file first, and notes it. @throws ClipError model_invalid; Error of the file system */
export async function hashModel(
  home: Home,
  model: string,
  onBytes: (done: number, total: number) => void,
): Promise<readonly HashedFile[]> {
  const folder = dirname(model);
  const external = await externalFiles(await readOnnx(model));
  const paths = [model, ...external.values()];
  const infos = await Promise.all(paths.map((path) => stat(path)));
  const total = infos.reduce((sum, { size }) => sum + size, 0);
  const files: HashedFile[] = [];
  let done = 0;
  for (const path of paths) {
    const file = await hashFile(folder, relative(folder, path), (bytes) => onBytes(done + bytes, total));
    done += file.size;
    files.push(file);
  }
  await writeNote(notePath(home), { files }).catch((error) => {
    if (!isUnfit(error)) throw error;
  });
  return files;
}

/** @throws Error of the file system, and where the file changes meanwhile */
export async function hashFile(
  folder: string,
  name: string,
  onBytes: (done: number) => void = () => {},
): Promise<HashedFile> {
  const path = join(folder, name);
  const before = stampOf(await stat(path, { bigint: true }));
  const hash = createHash('sha256');
  await digestFile(path, hash, new AbortController().signal, onBytes);
  if (!(await areUnchanged(folder, [{ name, ...before }])))
    throw new Error(`${path} changed while it was read`);
  return { name, ...before, sha256: hash.digest('hex') };
}
