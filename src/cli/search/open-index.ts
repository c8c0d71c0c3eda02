import { realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { ConfigError } from '../../config/config.ts';
import { withLock } from '../../model/lock.ts';
import { type Embedder, encodeAll } from '../embed/embedder.ts';
import { areOfOneModel, PROBE_TEXT, probePicture } from '../embed/probe.ts';
import { compact } from './compact.ts';
import type { IndexHead } from './format.ts';
import { IndexFile } from './index-file.ts';
import { type Updated, update } from './update.ts';

export interface IndexOptions {
  readonly folder: string;
  /** Default: `.clip-index` in the folder. */
  readonly index: string | undefined;
  /** Begins with an empty index, whatever is there. */
  readonly rebuild: boolean;
  /** Takes the index as it is. */
  readonly noUpdate: boolean;
}

const NAME = '.clip-index';
/** Another process may embed a folder for hours; one that was killed has not renewed its lock for `staleMs`. */
const LOCK = { staleMs: 10_000, pollMs: 200, waitMs: 24 * 3600 * 1000 };
const NOTHING_DONE: Updated = { embedded: 0, removed: 0, faults: [] };

/**
 * The folder's index, brought up to date first. While another process does that, it is waited for.
 *
 * @throws ConfigError for an index that is none, is damaged, or is of another folder, model or version; as `update`
 */
export async function openIndex(
  options: IndexOptions,
  embedder: Embedder,
  signal: AbortSignal,
): Promise<{ readonly index: IndexFile; readonly updated: Updated }> {
  const { folder, noUpdate } = options;
  const path = options.index ?? join(folder, NAME);
  const head = await headFor(folder, path, embedder, signal);
  if (noUpdate) {
    const index = await IndexFile.open(path, 'r');
    if (!index) throw new ConfigError(`${path}: expected an index, as a search without --no-update makes it`);
    return { index: await checked(index, head), updated: NOTHING_DONE };
  }
  let toldWaiting = false;
  const onWait = () => {
    if (!toldWaiting) console.error(`clip-server: another process is updating ${path}; waiting for it`);
    toldWaiting = true;
  };
  try {
    return await withLock(path, LOCK, signal, onWait, async (inner) => {
      const index = await openOrCreate(path, head, options.rebuild);
      const updated = await update(index, folder, embedder, inner).catch(closing(index));
      return { index: index.isWasteful ? await compact(index).catch(closing(index)) : index, updated };
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EROFS' && code !== 'EPERM') throw error;
    throw new ConfigError(`${path}: expected to write the index, got ${message}; --index names another path`);
  }
}

async function openOrCreate(path: string, head: IndexHead, rebuild: boolean): Promise<IndexFile> {
  const found = rebuild ? undefined : await IndexFile.open(path, 'r+');
  return found ? checked(found, head) : IndexFile.create(path, head);
}

/** The index where it is of this folder and model; else it is closed. */
async function checked(index: IndexFile, wanted: IndexHead): Promise<IndexFile> {
  const { path, head } = index;
  const fault = differenceOf(head, wanted);
  if (fault === undefined) return index;
  await index.close();
  throw new ConfigError(`${path}: ${fault}`);
}

function differenceOf(head: IndexHead, wanted: IndexHead): string | undefined {
  if (head.folder !== wanted.folder)
    return `expected an index of ${wanted.folder ?? 'the folder that it lies in'}, got one of ${head.folder ?? 'the folder that it lies in'}`;
  const isSame = (['text', 'image'] as const).every((kind) =>
    areOfOneModel(numbers(head.probes[kind]), numbers(wanted.probes[kind])),
  );
  if (isSame) return undefined;
  return `expected an index of ${wanted.model}, got one whose vectors are of another model (${head.model}); --rebuild makes it anew`;
}

/** Of an index that is made now. */
async function headFor(
  folder: string,
  path: string,
  embedder: Embedder,
  signal: AbortSignal,
): Promise<IndexHead> {
  const sources = [{ text: PROBE_TEXT }, { blob: probePicture() }];
  const [text, image] = await encodeAll(embedder, sources, signal);
  const home = await realpath(dirname(path)).catch((error: Error) => {
    throw new ConfigError(`--index ${path}: expected a path in a folder that is there: ${error.message}`);
  });
  const whole = await realpath(folder);
  const isInside = !`${relative(whole, home)}/`.startsWith('../');
  return {
    model: embedder.name,
    probes: { text: base64(text!), image: base64(image!) },
    ...(!isInside && { folder: whole }),
  };
}

function base64({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

function numbers(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);
}

function closing(index: IndexFile) {
  return async (error: unknown): Promise<never> => {
    await index.close();
    throw error;
  };
}
