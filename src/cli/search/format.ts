import { crc32 } from 'node:zlib';

/*
 * The index file, little-endian. A head: 64 bytes (`CLIPIDX`, 0; version; bytes and CRC-32 of what follows; CRC-32 of these)
 * and JSON. Then blocks: 64 bytes (`BLCK`; number; rows; bytes and CRC-32 of the changes; bytes and CRC-32 of the rows; CRC-32
 * of these), the changes as JSON, the rows as float16 [rows, width]. Each part is padded with zeros to a multiple of 64 bytes.
 * A block's 64 bytes are written last, so that zeros in their place are of a write that was cut off, and anything else is damage.
 */

export const FORMAT_VERSION = 1;
/** Bytes of the fixed part of head and blocks; all parts begin at multiples of it. */
export const UNIT = 64;
const MAGIC = 'CLIPIDX\0';
const BLOCK_MAGIC = 'BLCK';

/** What all rows of an index have in common. */
export interface IndexHead {
  /** As it was called when the index was made; for messages. */
  readonly model: string;
  /** The model's vectors of the probes, float32 [width] in base64. */
  readonly probes: { readonly text: string; readonly image: string };
  /** Of the folder whose pictures these are, where the index does not lie in it; absolute. */
  readonly folder?: string;
}

/** A file, as it stands in a block: path, bytes, ms since 1970 of its last change, hash. */
export type FileFields = readonly [path: string, size: number, modified: number, hash: string];

/** What a block changes. */
export interface BlockChanges {
  /** One per row of the block, in order. */
  readonly added: readonly FileFields[];
  /** Files whose content is that of a row that is there, counted from the first of the index. */
  readonly again: readonly (readonly [...FileFields, row: number])[];
  /** Paths. */
  readonly gone: readonly string[];
}

/** Where the parts of a block lie, in bytes from the beginning of the file. */
export interface BlockPlace {
  readonly rows: number;
  readonly changes: Part;
  readonly vectors: Part;
  readonly end: number;
}

export interface Part {
  readonly at: number;
  readonly bytes: number;
  readonly crc: number;
}

const padded = (bytes: number) => Math.ceil(bytes / UNIT) * UNIT;

export function encodeHead(head: IndexHead): Buffer {
  const json = Buffer.from(JSON.stringify(head));
  const file = Buffer.alloc(UNIT + padded(json.length));
  file.write(MAGIC, 'latin1');
  file.writeUInt32LE(FORMAT_VERSION, 8);
  file.writeUInt32LE(json.length, 12);
  file.writeUInt32LE(crc32(json), 16);
  file.writeUInt32LE(crc32(file.subarray(0, 20)), 20);
  file.set(json, UNIT);
  return file;
}

/** Whether a file that begins with these bytes is, or was, an index. */
export function isIndex(fixed: Buffer): boolean {
  return fixed.length >= UNIT && fixed.toString('latin1', 0, MAGIC.length) === MAGIC;
}

/** From the first 64 bytes of an index; `version` alone where it is another one; undefined where they are damaged. */
export function decodeHeadPlace(
  fixed: Buffer,
): { readonly version: number; readonly json?: Part } | undefined {
  const version = fixed.readUInt32LE(8);
  if (version !== FORMAT_VERSION) return { version };
  if (fixed.readUInt32LE(20) !== crc32(fixed.subarray(0, 20))) return undefined;
  return { version, json: { at: UNIT, bytes: fixed.readUInt32LE(12), crc: fixed.readUInt32LE(16) } };
}

/** First byte behind a part that begins the rest of the file. */
export function endOf({ at, bytes }: Part): number {
  return at + padded(bytes);
}

/** The 64 bytes of block `number`, and all that stands behind them. */
export function encodeBlock(
  number: number,
  changes: BlockChanges,
  vectors: Uint16Array,
): { readonly fixed: Buffer; readonly rest: Buffer } {
  const json = Buffer.from(JSON.stringify(changes));
  const rows = Buffer.from(vectors.buffer, vectors.byteOffset, vectors.byteLength);
  const rest = Buffer.alloc(padded(json.length) + padded(rows.length));
  rest.set(json);
  rest.set(rows, padded(json.length));
  const fixed = Buffer.alloc(UNIT);
  fixed.write(BLOCK_MAGIC, 'latin1');
  const fields = [number, changes.added.length, json.length, crc32(json), rows.length, crc32(rows)];
  for (const [i, field] of fields.entries()) fixed.writeUInt32LE(field, 4 + 4 * i);
  fixed.writeUInt32LE(crc32(fixed.subarray(0, 28)), 28);
  return { fixed, rest };
}

/** Of the block that begins at byte `at`; undefined where the 64 bytes are not those of block `number`. */
export function decodeBlockPlace(fixed: Buffer, at: number, number: number): BlockPlace | undefined {
  if (fixed.toString('latin1', 0, 4) !== BLOCK_MAGIC || fixed.readUInt32LE(4) !== number) return undefined;
  if (fixed.readUInt32LE(28) !== crc32(fixed.subarray(0, 28))) return undefined;
  const changes = { at: at + UNIT, bytes: fixed.readUInt32LE(12), crc: fixed.readUInt32LE(16) };
  const vectors = { at: endOf(changes), bytes: fixed.readUInt32LE(20), crc: fixed.readUInt32LE(24) };
  return { rows: fixed.readUInt32LE(8), changes, vectors, end: endOf(vectors) };
}
