import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { ConfigError } from '../../config/config.ts';
import {
  type BlockChanges,
  type BlockPlace,
  decodeBlockPlace,
  decodeHeadPlace,
  encodeBlock,
  encodeHead,
  endOf,
  FORMAT_VERSION,
  type IndexHead,
  isIndex,
  type Part,
  UNIT,
} from './format.ts';

/** What the index knows of a file. */
export interface IndexedFile {
  /** Bytes. */
  readonly size: number;
  /** ms since 1970 of its last change; 0 where it had changed too shortly before to tell a later change by. */
  readonly modified: number;
  readonly hash: string;
  /** Which holds its vector; files of one content share one. */
  readonly row: number;
}

/** Rows of one block, float16 [rows, width] as bits, unit length each. */
export interface RowBlock {
  /** Of the index, its first. */
  readonly first: number;
  readonly vectors: Uint16Array;
}

/**
 * An index that is open: which files it holds is in memory, their vectors stay on disk. It grows at its end; what stands in it is
 * never written again.
 */
export class IndexFile {
  readonly path: string;
  readonly head: IndexHead;
  readonly width: number;
  /** By path, relative to the folder. */
  readonly files = new Map<string, IndexedFile>();
  readonly #handle: FileHandle;
  readonly #blocks: BlockPlace[] = [];
  #rows = 0;
  #records = 0;
  #end: number;

  private constructor(path: string, handle: FileHandle, head: IndexHead, end: number) {
    this.path = path;
    this.#handle = handle;
    this.head = head;
    this.#end = end;
    this.width = Buffer.from(head.probes.text, 'base64').length / 4;
  }

  /**
   * Undefined where there is no file. `access` `r+` is for the one that holds the lock; it cuts off what a killed one left.
   *
   * @throws ConfigError for a file that is no index, is damaged or of another version; Error of the file system
   */
  static async open(path: string, access: 'r' | 'r+'): Promise<IndexFile | undefined> {
    const handle = await open(path, access).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    if (!handle) return undefined;
    try {
      const index = await IndexFile.#readHead(path, handle);
      await index.#readBlocks();
      if (access === 'r+') await handle.truncate(index.#end);
      return index;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** An empty index, in one step that no reader sees the middle of. An index that was there is gone. @throws ConfigError for another file */
  static async create(path: string, head: IndexHead): Promise<IndexFile> {
    const there = await open(path, 'r').catch(() => undefined);
    if (there) await IndexFile.#checkKind(path, there).finally(() => there.close());
    const index = await IndexFile.begin(path, head);
    await index.publish();
    return index;
  }

  /** An index that nobody sees until it is published. */
  static async begin(path: string, head: IndexHead): Promise<IndexFile> {
    const handle = await open(newOf(path), 'w+');
    const bytes = encodeHead(head);
    const index = new IndexFile(path, handle, head, bytes.length);
    await index.#write(bytes, 0);
    return index;
  }

  /** Takes the place of what was there. */
  async publish(): Promise<void> {
    await this.#handle.sync();
    await rename(newOf(this.path), this.path);
    const folder = await open(dirname(this.path), 'r');
    await folder.sync().finally(() => folder.close());
  }

  /** In place of `publish`. */
  async discard(): Promise<void> {
    await this.close();
    await rm(newOf(this.path), { force: true });
  }

  /** Of all blocks; more than there are files where some were replaced or are gone. */
  get rows(): number {
    return this.#rows;
  }

  /** Whether most of what stands in it is of files that have changed since or are gone. */
  get isWasteful(): boolean {
    return this.#records > 2 * this.files.size + 1024;
  }

  /** Adds a block. Once it resolves, the block survives the process's and the machine's end. */
  async append(changes: BlockChanges, vectors: Uint16Array): Promise<void> {
    const { fixed, rest } = encodeBlock(this.#blocks.length, changes, vectors);
    await this.#write(rest, this.#end + UNIT);
    await this.#handle.datasync();
    await this.#write(fixed, this.#end);
    await this.#handle.datasync();
    this.#add(decodeBlockPlace(fixed, this.#end, this.#blocks.length)!, changes);
  }

  /** All rows in order, those of files that are gone among them. @throws ConfigError where bytes have changed */
  async *blocks(): AsyncGenerator<RowBlock> {
    let first = 0;
    for (const { rows, vectors } of this.#blocks) {
      if (rows === 0) continue;
      const { buffer, byteOffset } = await this.#read(vectors);
      yield { first, vectors: new Uint16Array(buffer, byteOffset, rows * this.width) };
      first += rows;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** The first 64 bytes. @throws ConfigError */
  static async #checkKind(path: string, handle: FileHandle): Promise<Buffer> {
    const fixed = Buffer.alloc(UNIT);
    const { bytesRead } = await handle.read(fixed, 0, UNIT, 0);
    if (isIndex(fixed.subarray(0, bytesRead))) return fixed;
    throw new ConfigError(
      `${path}: expected an index of clip-server, got another file; --index names another path`,
    );
  }

  static async #readHead(path: string, handle: FileHandle): Promise<IndexFile> {
    const fixed = await IndexFile.#checkKind(path, handle);
    const found = decodeHeadPlace(fixed);
    if (!found) throw damaged(path, 0, 'the head of an index');
    if (!found.json)
      throw new ConfigError(
        `${path}: expected an index of version ${FORMAT_VERSION}, got ${found.version}; --rebuild makes it anew`,
      );
    const json = await readPart(path, handle, found.json);
    return new IndexFile(path, handle, JSON.parse(json.toString()) as IndexHead, endOf(found.json));
  }

  async #readBlocks(): Promise<void> {
    const { size } = await this.#handle.stat();
    const fixed = Buffer.alloc(UNIT);
    while (this.#end + UNIT <= size) {
      await this.#handle.read(fixed, 0, UNIT, this.#end);
      const place = decodeBlockPlace(fixed, this.#end, this.#blocks.length);
      if (!place && fixed.every((byte) => byte === 0)) return;
      if (!place || place.end > size || place.vectors.bytes !== 2 * this.width * place.rows)
        throw damaged(this.path, this.#end, 'a block');
      const changes = JSON.parse((await this.#read(place.changes)).toString()) as BlockChanges;
      this.#add(place, changes);
    }
  }

  #add(place: BlockPlace, { added, again, gone }: BlockChanges): void {
    for (const path of gone) this.files.delete(path);
    for (const [i, [path, size, modified, hash]] of added.entries())
      this.files.set(path, { size, modified, hash, row: this.#rows + i });
    for (const [path, size, modified, hash, row] of again)
      this.files.set(path, { size, modified, hash, row });
    this.#records += added.length + again.length + gone.length;
    this.#rows += place.rows;
    this.#blocks.push(place);
    this.#end = place.end;
  }

  #read(part: Part): Promise<Buffer> {
    return readPart(this.path, this.#handle, part);
  }

  async #write(bytes: Buffer, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, at + done);
      done += bytesWritten;
    }
  }
}

const newOf = (path: string) => `${path}.new`;

async function readPart(path: string, handle: FileHandle, { at, bytes, crc }: Part): Promise<Buffer> {
  const { size } = await handle.stat();
  if (at + bytes > size) throw damaged(path, at, `${bytes} bytes more`);
  // Not from the pool: it begins where numbers of two bytes may.
  const part = Buffer.allocUnsafeSlow(bytes);
  for (let done = 0; done < bytes; ) {
    const { bytesRead } = await handle.read(part, done, bytes - done, at + done);
    if (bytesRead === 0) throw damaged(path, at + done, `${bytes - done} bytes more`);
    done += bytesRead;
  }
  if (crc32(part) !== crc) throw damaged(path, at, `bytes of CRC-32 ${crc.toString(16)}`);
  return part;
}

function damaged(path: string, at: number, expected: string): ConfigError {
  return new ConfigError(
    `${path}: expected ${expected} at byte ${at}, got something else: the index is damaged; --rebuild makes it anew`,
  );
}
