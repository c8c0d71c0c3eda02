import { join } from 'node:path';

/** Where the rewritten graphs of one model file lie, and the notes about them. */
export interface Home {
  readonly folder: string;
  /** What their names begin with: `.textual`. */
  readonly stem: string;
}

/** What a home's files are called. The key is 16 hexadecimal digits. */
export function filesOf({ folder, stem }: Home, key: string) {
  const graph = join(folder, `${stem}.${key}.onnx`);
  return { graph, data: `${graph}.data`, note: join(folder, `${stem}.${key}.json`) };
}

/** The key in a name of a home's file, finished or not. */
export function keyIn({ stem }: Home, name: string): string | undefined {
  if (!name.startsWith(`${stem}.`)) return undefined;
  return /^([0-9a-f]{16})\.(onnx|json)\b/.exec(name.slice(stem.length + 1))?.[1];
}

/** What one process at a time holds, to write here. */
export function lockPath({ folder, stem }: Home): string {
  return join(folder, `${stem}.rewriting`);
}

/** Codes of the file system for a folder that takes no files, or not these. */
const UNFIT = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENAMETOOLONG', 'ENOTDIR', 'ENOENT']);

/** True where another folder may do better. */
export function isUnfit(error: unknown): boolean {
  const { code, cause } = error as NodeJS.ErrnoException;
  return UNFIT.has(code ?? '') || (cause instanceof Error && isUnfit(cause));
}
