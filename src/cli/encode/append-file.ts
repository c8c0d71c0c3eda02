import { type FileHandle, open, rename, rm } from 'node:fs/promises';

/** A file that grows under the name `PATH.part` and takes its own name when it is whole. */
export class AppendFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  #size: number;

  private constructor(path: string, handle: FileHandle, size: number) {
    this.#path = path;
    this.#handle = handle;
    this.#size = size;
  }

  static partOf(path: string): string {
    return `${path}.part`;
  }

  /** @throws Error EEXIST where a part is there already */
  static async create(path: string): Promise<AppendFile> {
    return new AppendFile(path, await open(AppendFile.partOf(path), 'wx'), 0);
  }

  /** What stands behind `size` is of a write that was cut off. @throws Error ENOENT; RangeError where it is shorter */
  static async reopen(path: string, size: number): Promise<AppendFile> {
    const part = AppendFile.partOf(path);
    const handle = await open(part, 'r+');
    const found = (await handle.stat()).size;
    if (found < size) {
      await handle.close();
      throw new RangeError(`${part}: expected at least ${size} bytes, got ${found}`);
    }
    await handle.truncate(size);
    return new AppendFile(path, handle, size);
  }

  get size(): number {
    return this.#size;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.write(bytes, this.#size);
    this.#size += bytes.length;
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written, at + written);
      written += bytesWritten;
    }
  }

  /** Leaves the part where it is. */
  async keep(): Promise<void> {
    await this.#handle.close();
  }

  /** Gives it its name; an empty file that nobody needs goes instead. */
  async finish({ evenEmpty }: { readonly evenEmpty: boolean }): Promise<void> {
    try {
      await this.#handle.sync();
    } finally {
      await this.#handle.close();
    }
    if (this.#size > 0 || evenEmpty) return rename(AppendFile.partOf(this.#path), this.#path);
    await rm(AppendFile.partOf(this.#path));
    await rm(this.#path, { force: true });
  }
}
