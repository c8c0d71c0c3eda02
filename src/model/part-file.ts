import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Checksum, Digest, digestFile } from './digest.ts';

/** Opens the file that a download is written to; a test puts a full disk in its place. */
export type OpenPart = (path: string) => Promise<FileHandle>;

/** Kept from earlier runs, and made where there is none. */
const openPart: OpenPart = async (path) => {
  try {
    return await open(path, 'r+');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
    return open(path, 'wx+');
  }
};

/**
 * A download under way: `TARGET.part`, hashed as it grows. Its owner calls exactly one of `keep`, `finish` and
 * `discard`, each of which closes it.
 */
export class PartFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #checksum: Checksum;
  #digest: Digest;
  #size = 0;

  private constructor(path: string, handle: FileHandle, checksum: Checksum) {
    this.path = path;
    this.#handle = handle;
    this.#checksum = checksum;
    this.#digest = new Digest(checksum);
  }

  /** Opens what an earlier run left and hashes it, or starts an empty one. */
  static async open(
    target: string,
    checksum: Checksum,
    signal: AbortSignal,
    opener: OpenPart = openPart,
  ): Promise<PartFile> {
    const path = `${target}.part`;
    const part = new PartFile(path, await opener(path), checksum);
    try {
      part.#size = await digestFile(path, part.#digest, signal, () => {});
      return part;
    } catch (thrown) {
      await part.keep();
      throw thrown;
    }
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(
        bytes,
        written,
        bytes.length - written,
        this.#size + written,
      );
      written += bytesWritten;
    }
    this.#size += bytes.length;
    this.#digest.update(bytes);
  }

  /** Throws away what was received. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#digest = new Digest(this.#checksum);
    this.#size = 0;
  }

  /** Undefined where the bytes are the file, else how their checksum differs. */
  difference(): string | undefined {
    return this.#digest.difference();
  }

  /** Closes and leaves the bytes for a later resumption. */
  async keep(): Promise<void> {
    await this.#handle.close();
  }

  /** Makes the bytes durable and gives them their final name, in one step that no reader sees the middle of. */
  async finish(target: string): Promise<void> {
    try {
      await this.#handle.sync();
    } finally {
      await this.#handle.close();
    }
    await rename(this.path, target);
    const folder = await open(dirname(target), 'r');
    await folder.sync().finally(() => folder.close());
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.path, { force: true });
  }
}
