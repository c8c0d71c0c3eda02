import { createHash, type Hash } from 'node:crypto';
import type { ClipClientError, FormOptions, Vectors, VectorType } from '../../client/node.ts';
import { ConfigError } from '../../config/config.ts';
import { AppendFile } from './append-file.ts';
import type { EncodeItem } from './inputs.ts';
import { npyHeader, npyRow } from './npy.ts';
import { checkSame, kindOf } from './same-run.ts';
import { type EncodeState, readState, removeState, writeState } from './state.ts';

export interface FileOutputOptions {
  /** `.npy`, or JSON lines under any other name. */
  readonly out: string;
  readonly images: boolean;
  readonly skipErrors: boolean;
  readonly resume: boolean;
  readonly form: FormOptions<VectorType>;
  /** The server's vector of a fixed text, float32 [D], whatever the form. */
  readonly probe: Float32Array;
  /** Numbers of a vector of the form. */
  readonly width: number;
}

/** Bytes that are gathered before they are written. */
const CHUNK = 1024 * 1024;
/** ms after which they are written in any case. */
const FLUSH_MS = 500;

/** The files of one run: vectors, and where they are wanted an index of the rows and the faults. */
export class FileOutput {
  /** Items that an earlier run has done; their identities are to be given to `seen` first. */
  readonly done: number;
  readonly #options: FileOutputOptions;
  readonly #vectors: AppendFile;
  readonly #index: AppendFile | undefined;
  readonly #errors: AppendFile | undefined;
  readonly #expected: string | undefined;
  readonly #digest: Hash = createHash('sha256');
  #noted = 0;
  #items: number;
  #rows: number;
  #pending = { vectors: [] as Buffer[], index: '', errors: '', bytes: 0 };
  #flushed = performance.now();

  private constructor(
    options: FileOutputOptions,
    files: { vectors: AppendFile; index?: AppendFile; errors?: AppendFile },
    state: EncodeState | undefined,
  ) {
    this.#options = options;
    this.#vectors = files.vectors;
    this.#index = files.index;
    this.#errors = files.errors;
    this.#expected = state?.digest;
    this.done = state?.items ?? 0;
    this.#items = this.done;
    this.#rows = state?.rows ?? 0;
  }

  /**
   * Begins anew, or goes on where an earlier run stopped.
   *
   * @throws ConfigError where an unfinished run is in the way, or is of other options or another model
   */
  static async open(options: FileOutputOptions): Promise<FileOutput> {
    const { out, resume, width } = options;
    const state = await readState(out);
    if (state && !resume)
      throw new ConfigError(
        `${AppendFile.partOf(out)}: an unfinished run is there; --resume goes on with it, or remove it and ${out}.part.json`,
      );
    if (state) checkSame(state, options);
    const files = await openFiles(options, state);
    const output = new FileOutput(options, files, state);
    if (!state && isNpy(out)) await files.vectors.append(npyHeader(typeOf(options), 0, width));
    if (!state) await output.#save();
    return output;
  }

  /** Items of the earlier run, in order. @throws ConfigError after the last of them where they are not the same */
  seen(item: EncodeItem, index: number): void {
    this.#note(item);
    if (index + 1 < this.done) return;
    if (this.#digest.copy().digest('hex') === this.#expected) return;
    this.#noted = 0;
    throw new ConfigError(
      `${this.#options.out}.part.json: expected the input of the unfinished run, but its first ${this.done} items differ`,
    );
  }

  /** The input ended before all that the earlier run had done. */
  endedEarly(count: number): ConfigError {
    return new ConfigError(
      `${this.#options.out}.part.json: expected at least ${this.done} items as in the unfinished run, got ${count}`,
    );
  }

  async add(item: EncodeItem, index: number, vector: Vectors[VectorType]): Promise<void> {
    this.#note(item);
    const { vectors } = this.#pending;
    const row = isNpy(this.#options.out)
      ? npyRow(typeOf(this.#options), vector)
      : Buffer.from(`${JSON.stringify({ index, ...item.label, vector: Array.from(vector) })}\n`);
    vectors.push(row);
    this.#pending.bytes += row.length;
    if (this.#index) this.#pending.index += `${JSON.stringify({ row: this.#rows, index, ...item.label })}\n`;
    this.#items += 1;
    this.#rows += 1;
    await this.#flushIfDue();
  }

  async skip(item: EncodeItem, index: number, error: ClipClientError): Promise<void> {
    this.#note(item);
    const { code, message } = error;
    this.#pending.errors += `${JSON.stringify({ index, ...item.label, code, message })}\n`;
    this.#items += 1;
    await this.#flushIfDue();
  }

  /** All is there: the files take their names. Resolves to the number of rows. */
  async finish(): Promise<number> {
    const { out, width } = this.#options;
    await this.#flush();
    if (isNpy(out)) await this.#vectors.write(npyHeader(typeOf(this.#options), this.#rows, width), 0);
    // The vectors last: where they are, all is.
    await this.#index?.finish({ evenEmpty: true });
    await this.#errors?.finish({ evenEmpty: false });
    await this.#vectors.finish({ evenEmpty: true });
    await removeState(out);
    return this.#rows;
  }

  /** Writes what there is, for a later run to go on with. */
  async leave(): Promise<void> {
    try {
      // Before its items have been seen again, the state of the earlier run stays as it is.
      if (this.#noted >= this.done) await this.#flush();
    } finally {
      await Promise.all([this.#vectors, this.#index, this.#errors].map((file) => file?.keep()));
    }
  }

  #note({ identity }: EncodeItem): void {
    this.#digest.update(`${identity.length}:${identity}`);
    this.#noted += 1;
  }

  async #flushIfDue(): Promise<void> {
    if (this.#pending.bytes >= CHUNK || performance.now() - this.#flushed >= FLUSH_MS) await this.#flush();
  }

  async #flush(): Promise<void> {
    const { vectors, index, errors } = this.#pending;
    this.#pending = { vectors: [], index: '', errors: '', bytes: 0 };
    await this.#vectors.append(Buffer.concat(vectors));
    await this.#index?.append(Buffer.from(index));
    await this.#errors?.append(Buffer.from(errors));
    await this.#save();
    this.#flushed = performance.now();
  }

  #save(): Promise<void> {
    const { out, probe } = this.#options;
    return writeState(out, {
      version: 1,
      items: this.#items,
      rows: this.#rows,
      digest: this.#digest.copy().digest('hex'),
      sizes: {
        vectors: this.#vectors.size,
        index: this.#index?.size ?? 0,
        errors: this.#errors?.size ?? 0,
      },
      probe: Array.from(probe),
      kind: kindOf(this.#options),
    });
  }
}

function isNpy(out: string): boolean {
  return out.endsWith('.npy');
}

/** Rows of NumPy hold nothing but numbers: what they are of stands beside them where line numbers do not tell. */
function wantsIndex({ out, images, skipErrors }: FileOutputOptions): boolean {
  return isNpy(out) && (images || skipErrors);
}

async function openFiles(options: FileOutputOptions, state: EncodeState | undefined) {
  const { out, skipErrors } = options;
  const open = async (path: string, size: number | undefined) => {
    try {
      return size === undefined ? await AppendFile.create(path) : await AppendFile.reopen(path, size);
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code === 'EEXIST')
        throw new ConfigError(
          `${AppendFile.partOf(path)}: expected no such file, for no state lies beside it`,
          {
            cause,
          },
        );
      throw new ConfigError(`expected to write ${path}: ${message}`, { cause });
    }
  };
  return {
    vectors: await open(out, state?.sizes.vectors),
    index: wantsIndex(options) ? await open(`${out}.index.jsonl`, state?.sizes.index) : undefined,
    errors: skipErrors ? await open(`${out}.errors.jsonl`, state?.sizes.errors) : undefined,
  };
}

function typeOf({ form: { type = 'float32' } }: FileOutputOptions): VectorType {
  return type;
}
