import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** The same from `src/playground` and from `dist/playground`; `scripts/make-gallery.mjs` writes it. */
const FOLDER = resolve(import.meta.dirname, '../../data/gallery');

/** The pictures that the playground searches. */
export interface Pictures {
  readonly names: readonly string[];
  /** WebP, opaque, 128 × 128, in the order of the names. */
  readonly files: readonly Buffer[];
  /** Tells this gallery from any other, for addresses that may be kept for ever. */
  readonly digest: string;
}

/** @throws Error where the files are absent or do not belong together */
export async function readPictures(folder = FOLDER): Promise<Pictures> {
  const [index, bytes] = await Promise.all([
    readFile(join(folder, 'index.tsv'), 'utf8'),
    readFile(join(folder, 'pictures.bin')),
  ]);
  const names: string[] = [];
  const files: Buffer[] = [];
  let at = 0;
  for (const line of index.trimEnd().split('\n')) {
    const [length, name] = line.split('\t') as [string, string];
    names.push(name);
    files.push(bytes.subarray(at, at + Number(length)));
    at += Number(length);
  }
  if (at !== bytes.length)
    throw new Error(`${folder}: index.tsv names ${at} bytes of pictures, pictures.bin has ${bytes.length}`);
  const digest = createHash('sha256').update(index).update(bytes).digest('hex').slice(0, 16);
  return { names, files, digest };
}
