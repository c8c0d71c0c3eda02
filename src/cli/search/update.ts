import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inOrder } from '../../client/ordered.ts';
import { type Embedder, type Fault, MOST_IMAGE_BYTES, type Source } from '../embed/embedder.ts';
import { itemProgress } from '../progress.ts';
import type { FileFields } from './format.ts';
import type { IndexFile } from './index-file.ts';
import { type ChangedFile, type FileFault, scan } from './scan.ts';
import { IndexWriter } from './writer.ts';

export interface Updated {
  /** Files that were embedded. */
  readonly embedded: number;
  /** Files that have left the index. */
  readonly removed: number;
  readonly faults: readonly FileFault[];
}

/** Files that are read at once, and wait to be embedded. */
const READ_AHEAD = 4;

/**
 * Makes the index hold the pictures of the folder as they are: embeds what is new or has other content, forgets what is gone. When it
 * is stopped, or a fault that is not of one picture ends it, what was embedded until then stays in the index.
 *
 * @throws ClipError, ClipClientError; Error of the file system
 */
export async function update(
  index: IndexFile,
  folder: string,
  embedder: Embedder,
  signal: AbortSignal,
): Promise<Updated> {
  const writer = new IndexWriter(index);
  try {
    return await new Update(index, folder, embedder, writer).run(signal);
  } finally {
    await writer.flush();
  }
}

/** A file that was read. */
interface ReadFile {
  readonly file: FileFields;
  readonly bytes: Uint8Array;
}

class Update {
  readonly #index: IndexFile;
  readonly #folder: string;
  readonly #embedder: Embedder;
  readonly #writer: IndexWriter;
  readonly #faults: FileFault[] = [];
  /** Rows by the hash of their content. */
  readonly #rows = new Map<string, number>();
  /** In work, in the order in which their vectors will come. */
  readonly #waiting: FileFields[] = [];
  #embedded = 0;
  #removed = 0;
  #done = 0;

  constructor(index: IndexFile, folder: string, embedder: Embedder, writer: IndexWriter) {
    this.#index = index;
    this.#folder = folder;
    this.#embedder = embedder;
    this.#writer = writer;
    for (const { hash, row } of index.files.values()) this.#rows.set(hash, row);
  }

  async run(signal: AbortSignal): Promise<Updated> {
    const { changed, gone, faults } = await scan(this.#folder, this.#index, signal);
    this.#faults.push(...faults);
    for (const path of gone) await this.#remove(path);
    const progress = itemProgress(this.#folder, changed.length);
    try {
      for await (const outcome of this.#embedder.encode(this.#sources(changed, signal), signal)) {
        const file = this.#waiting.shift()!;
        if ('error' in outcome) await this.#refuse(file[0], outcome.error);
        else {
          await this.#writer.add(file, outcome.vector);
          this.#embedded += 1;
        }
        this.#done += 1;
        progress.show(this.#done);
      }
    } finally {
      progress.close();
    }
    return { embedded: this.#embedded, removed: this.#removed, faults: this.#faults };
  }

  /** What must be embedded; the rest is settled on the way. */
  async *#sources(changed: readonly ChangedFile[], signal: AbortSignal): AsyncGenerator<Source> {
    async function* all() {
      yield* changed;
    }
    const read = (file: ChangedFile) => this.#read(file);
    for await (const found of inOrder(all(), READ_AHEAD, read, signal)) {
      const row = 'bytes' in found ? this.#rows.get(found.file[3]) : undefined;
      if ('bytes' in found && row === undefined) {
        this.#waiting.push(found.file);
        yield { blob: found.bytes };
        continue;
      }
      if ('fault' in found) await this.#refuse(found.path, found.fault);
      else await this.#writer.again(found.file, row!);
      this.#done += 1;
    }
  }

  async #read({ path, size, modified }: ChangedFile): Promise<ReadFile | FileFault> {
    if (size > MOST_IMAGE_BYTES) {
      const message = `expected at most ${MOST_IMAGE_BYTES} bytes, got ${size}`;
      return { path, fault: { code: 'image_too_large', message } };
    }
    try {
      const bytes = await readFile(join(this.#folder, path));
      return { file: [path, size, modified, await hashOf(bytes)], bytes };
    } catch (error) {
      return { path, fault: { code: 'invalid_input', message: (error as Error).message } };
    }
  }

  /** Without a vector, rather than with that of what the file was. */
  async #refuse(path: string, fault: Fault): Promise<void> {
    this.#faults.push({ path, fault });
    if (this.#index.files.has(path)) await this.#remove(path);
  }

  #remove(path: string): Promise<void> {
    this.#removed += 1;
    return this.#writer.gone(path);
  }
}

/** The first half of SHA-256, in base64url; on a thread of its own. */
async function hashOf(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return Buffer.from(digest, 0, 16).toString('base64url');
}
