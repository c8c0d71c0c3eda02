import { readFile } from 'node:fs/promises';

export const VOCABULARY_FILE = new URL('../../../data/bpe-merges.bin', import.meta.url);
const MERGES = 48_894;

/** Id of the first merge; below it are the 256 bytes, then the 256 bytes that end a word. */
export const FIRST_MERGE = 512;
/** Added to a byte's id where it ends a word. */
export const WORD_END = 256;
export const START_TOKEN = FIRST_MERGE + MERGES;
export const END_TOKEN = START_TOKEN + 1;

/** Answer of {@link mergeOf} for a pair that is never merged. */
export const NO_MERGE = 0xffff;

/** Open hash table, left << 16 | right → id of the merge. */
export interface PairTable {
  readonly pairs: Uint32Array;
  readonly ids: Uint16Array;
}

const SLOTS = 1 << 17;
const SHIFT = 32 - 17;

/**
 * Ids of the 256 bytes. CLIP numbers the printable characters of Latin-1 first, then the other bytes.
 */
export const BYTE_IDS: Uint16Array = byteIds();

/**
 * Reads the merges of CLIP's byte-pair encoding: uint16 pairs (left id, right id), little-endian, in order of rank.
 *
 * @throws Error where the file is not the 48,894 merges that scripts/make-vocabulary.mjs writes
 */
export async function readMerges(): Promise<PairTable> {
  const file = await readFile(VOCABULARY_FILE);
  if (file.length !== MERGES * 4) {
    throw new Error(`${VOCABULARY_FILE.pathname}: expected ${MERGES * 4} bytes, got ${file.length}`);
  }
  const table = { pairs: new Uint32Array(SLOTS), ids: new Uint16Array(SLOTS).fill(NO_MERGE) };
  for (let rank = 0; rank < MERGES; rank++) {
    const left = file.readUInt16LE(rank * 4);
    const right = file.readUInt16LE(rank * 4 + 2);
    const id = FIRST_MERGE + rank;
    if (left >= id || right >= id) {
      throw new Error(
        `${VOCABULARY_FILE.pathname}: merge ${rank} expected ids below ${id}, got ${left}, ${right}`,
      );
    }
    const slot = slotOf(table, left, right);
    table.pairs[slot] = (left << 16) | right;
    table.ids[slot] = id;
  }
  return table;
}

/** Id of the token that two neighbours merge to; the lower the id, the earlier the merge. */
export function mergeOf(table: PairTable, left: number, right: number): number {
  return table.ids[slotOf(table, left, right)]!;
}

function slotOf({ pairs, ids }: PairTable, left: number, right: number): number {
  const pair = ((left << 16) | right) >>> 0;
  let slot = Math.imul(pair, 0x9e3779b1) >>> SHIFT;
  while (ids[slot] !== NO_MERGE && pairs[slot] !== pair) slot = (slot + 1) & (SLOTS - 1);
  return slot;
}

function byteIds(): Uint16Array {
  const isPrintable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const order = [...bytes.filter(isPrintable), ...bytes.filter((byte) => !isPrintable(byte))];
  const ids = new Uint16Array(256);
  order.forEach((byte, id) => {
    ids[byte] = id;
  });
  return ids;
}
