import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';

/** What `npm run build` makes of `playground/`; the same from `src/playground` and from `dist/playground`. */
const FOLDER = resolve(import.meta.dirname, '../../dist/playground/page');

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  /** As the header has it. */
  readonly etag: string;
}

/** The files of the page by their names, `index.html` among them. @throws Error where they are not built */
export async function readPageFiles(folder = FOLDER): Promise<ReadonlyMap<string, PageFile>> {
  const names = (await readdir(folder)).filter((name) => extname(name) in TYPES);
  const files = names.map(async (name) => {
    const body = await readFile(join(folder, name));
    return [name, { type: TYPES[extname(name)]!, body, etag: etagOf(body) }] as const;
  });
  return new Map(await Promise.all(files));
}

/** Weak: the bytes may go out compressed. */
function etagOf(body: Buffer): string {
  return `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
}
