import { writeHalves } from '../../float16.ts';
import { unit } from '../embed/unit.ts';
import type { FileFields } from './format.ts';
import type { IndexFile } from './index-file.ts';

/** Bytes of rows that are gathered before they are written. */
const CHUNK = 1024 * 1024;
/** ms after which they are written in any case: what a kill costs. */
const FLUSH_MS = 1000;

/** Gathers what becomes of files and writes it to the index block by block. Calls may overlap. */
export class IndexWriter {
  readonly #index: IndexFile;
  #added: FileFields[] = [];
  #vectors: Float32Array[] = [];
  #again: (readonly [...FileFields, number])[] = [];
  #gone: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(index: IndexFile) {
    this.#index = index;
  }

  /** A file with its vector, of any length above 0. */
  add(file: FileFields, vector: Float32Array): Promise<void> {
    this.#added.push(file);
    this.#vectors.push(vector);
    return this.#flushIfDue();
  }

  /** A file whose content is that of a row. */
  again(file: FileFields, row: number): Promise<void> {
    this.#again.push([...file, row]);
    return this.#flushIfDue();
  }

  /** A file that the index is to forget. */
  gone(path: string): Promise<void> {
    this.#gone.push(path);
    return this.#flushIfDue();
  }

  /** Writes what there is; resolves once that is durable. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  #flushIfDue(): Promise<void> {
    if (2 * this.#index.width * this.#vectors.length >= CHUNK) return this.flush();
    // What goes wrong there is told by the next flush, which follows it.
    this.#timer ??= setTimeout(() => void this.flush().catch(() => {}), FLUSH_MS).unref();
    return Promise.resolve();
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [added, vectors, again, gone] = [this.#added, this.#vectors, this.#again, this.#gone];
    [this.#added, this.#vectors, this.#again, this.#gone] = [[], [], [], []];
    if (added.length + again.length + gone.length > 0)
      await this.#index.append({ added, again, gone }, rowsOf(vectors, this.#index.width));
  }
}

/** Unit vectors as float16. */
function rowsOf(vectors: readonly Float32Array[], width: number): Uint16Array {
  const rows = new Uint16Array(vectors.length * width);
  for (const [i, vector] of vectors.entries()) writeHalves(unit(vector), rows, i * width);
  return rows;
}
