import { rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config.ts';
import { countOf } from './client.ts';
import { type Embedder, encodeAll } from './embed/embedder.ts';
import { EMBEDDER_OPTIONS, EMBEDDER_USAGE, openEmbedder } from './embed/open.ts';
import { printable } from './printable.ts';
import { pathsByRow } from './search/compact.ts';
import { contactSheet, type Found } from './search/contact-sheet.ts';
import type { IndexFile } from './search/index-file.ts';
import { NearestRows } from './search/nearest.ts';
import { openIndex } from './search/open-index.ts';
import type { Updated } from './search/update.ts';
import { untilSignal } from './stop.ts';

const USAGE = `Usage: clip-server search [OPTIONS] "WORDS" FOLDER
       clip-server search [OPTIONS] --image FILE FOLDER
Finds the pictures of a folder, and of those below it, that are nearest to the words or to a picture. The first search embeds the
folder and keeps the vectors in an index; later ones embed only what changed. An interrupted search goes on where it was.

  --image FILE          search by a picture instead of words
  --top N               pictures to print (default 10)
  --json                JSON lines: {"file", "score"}
  --html FILE           write a contact sheet: one page with the pictures in it
  --index PATH          where the index is kept (default .clip-index in FOLDER)
  --no-update           search the index as it is
  --rebuild             embed everything anew, as for another model
${EMBEDDER_USAGE}

A score is the cosine. Hidden files are left out, and links to folders are not followed.
Environment: CLIP_API_KEY is sent to --server as its API key, else CLIP_AUTH_TOKEN as it is as authorization.
Exit codes: 0 done, 1 a picture could not be embedded (the others are) or a fault at run time, 2 a fault of the command line
or of the index.`;

const OPTIONS = {
  ...EMBEDDER_OPTIONS,
  image: { type: 'string' },
  top: { type: 'string' },
  json: { type: 'boolean' },
  html: { type: 'string' },
  index: { type: 'string' },
  'no-update': { type: 'boolean' },
  rebuild: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Query = { readonly text: string } | { readonly file: string };
type Wanted = ReturnType<typeof wantedFrom>;

const DEFAULT_TOP = 10;

/** Resolves to the exit code: 0, or 1 where a picture has no vector or a signal ended it; throws ConfigError for 2. */
export async function search(args: string[]): Promise<number> {
  const { values, positionals } = readArgs(args);
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const wanted = wantedFrom(values, positionals);
  const info = await stat(wanted.folder).catch(() => undefined);
  if (!info?.isDirectory())
    throw new ConfigError(`expected a folder to search, got ${wanted.folder}, which is none`);
  const resumes = 'stopped; what was embedded is in the index, and the next search goes on from there';
  return untilSignal(resumes, async (signal) => {
    const embedder = await openEmbedder(values, signal);
    try {
      return await searchBy(embedder, wanted, signal);
    } finally {
      await embedder.close();
    }
  });
}

function readArgs(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}; clip-server search --help lists the options`);
  }
}

/** @throws ConfigError */
function wantedFrom(values: ReturnType<typeof readArgs>['values'], positionals: readonly string[]) {
  const { image, rebuild = false, index, json = false, html } = values;
  const noUpdate = values['no-update'] ?? false;
  if (rebuild && noUpdate) throw new ConfigError('--rebuild and --no-update: expected one of them at most');
  const words = image === undefined ? positionals[0] : undefined;
  const [folder, ...more] = image === undefined ? positionals.slice(1) : positionals;
  if (folder === undefined || more.length > 0)
    throw new ConfigError(
      `expected ${image === undefined ? '"WORDS" and FOLDER' : 'one FOLDER beside --image'}, got ${positionals.join(' ') || 'none'}; ` +
        'clip-server search --help shows the usage',
    );
  if (words?.trim() === '') throw new ConfigError('expected words to search for, got none');
  const query: Query = image === undefined ? { text: words! } : { file: image };
  const top = countOf('top', values.top) ?? DEFAULT_TOP;
  return { query, folder, top, json, html, index, rebuild, noUpdate };
}

async function searchBy(embedder: Embedder, wanted: Wanted, signal: AbortSignal): Promise<number> {
  const { query, folder, html, json } = wanted;
  const [vector] = await encodeAll(embedder, [query], signal);
  const { index, updated } = await openIndex(wanted, embedder, signal);
  try {
    tell(folder, updated);
    if (index.files.size === 0 && updated.faults.length === 0)
      throw new ConfigError(`expected pictures in ${folder}, found none`);
    const found = await nearest(index, vector!, wanted);
    if (html !== undefined) {
      const count = index.files.size;
      const about = `The ${found.length} nearest of ${count} pictures in ${folder}, by ${embedder.name}; the numbers are cosines.`;
      await writePage(html, await contactSheet({ path: html, query, about, found, signal }));
    }
    for (const { file, score } of found)
      console.log(json ? JSON.stringify({ file, score }) : `${score.toFixed(4)}  ${printable(file)}`);
    return updated.faults.length > 0 ? 1 : 0;
  } finally {
    await index.close();
  }
}

/** On standard error: the results stand alone. */
function tell(folder: string, { embedded, removed, faults }: Updated): void {
  for (const { path, fault } of faults)
    console.error(`clip-server: ${printable(`${join(folder, path)}: ${fault.message}`)} (${fault.code})`);
  const parts = [
    embedded > 0 && `${embedded} embedded`,
    removed > 0 && `${removed} removed`,
    faults.length > 0 && `${faults.length} could not be embedded`,
  ].filter(Boolean);
  if (parts.length > 0) console.error(`clip-server: ${printable(folder)}: ${parts.join(', ')}`);
}

async function nearest(index: IndexFile, query: Float32Array, { top, folder }: Wanted): Promise<Found[]> {
  const paths = pathsByRow(index);
  const counts = new Uint8Array(index.rows);
  for (const row of paths.keys()) counts[row] = 1;
  const rows = new NearestRows(query, Math.min(top, paths.size));
  for await (const { first, vectors } of index.blocks()) rows.look(vectors, first, counts);
  const files = rows
    .best()
    .flatMap(({ row, score }) => paths.get(row)!.map((path) => ({ file: join(folder, path), score })));
  return files.slice(0, top);
}

/** In one step: a page that is being looked at is never half. */
async function writePage(path: string, page: string): Promise<void> {
  try {
    await writeFile(`${path}.new`, page);
    await rename(`${path}.new`, path);
  } catch (error) {
    throw new ConfigError(`--html ${path}: expected to write the page, got ${(error as Error).message}`);
  }
}
