import { BYTE_IDS, mergeOf, NO_MERGE, type PairTable, WORD_END } from './vocabulary.ts';

/** Up to here (in bytes) a scan for the best pair is faster than a heap. */
const SHORT = 48;

/** Room for the symbols of a short word and for the merge of each with its right neighbour. */
const symbols = new Uint16Array(SHORT);
const merges = new Uint16Array(SHORT);

/**
 * Byte-pair encodes one word: merges the pair of the lowest rank, leftmost first, until no neighbours merge.
 * A token's merge always ranks after the merges of its parts, so this equals merging all pairs of a rank at once.
 *
 * @param word at least one character, no lone surrogates
 * @returns its token ids; a number where it is one token
 */
export function encodeWord(table: PairTable, word: string): number | readonly number[] {
  const count = word.length <= SHORT ? fillAscii(word) : 0;
  if (count > 0) return mergeShort(table, count);
  const bytes = Buffer.from(word, 'utf8');
  const room = bytes.length <= SHORT ? symbols : new Uint16Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) room[i] = BYTE_IDS[bytes[i]!]!;
  room[bytes.length - 1]! += WORD_END;
  return bytes.length <= SHORT ? mergeShort(table, bytes.length) : mergeLong(table, room);
}

/** Puts a word's symbols into `symbols`; 0 where it is not ASCII, else how many. */
function fillAscii(word: string): number {
  for (let i = 0; i < word.length; i++) {
    const code = word.charCodeAt(i);
    if (code > 0x7f) return 0;
    symbols[i] = BYTE_IDS[code]!;
  }
  symbols[word.length - 1]! += WORD_END;
  return word.length;
}

function mergeShort(table: PairTable, count: number): number | readonly number[] {
  let length = count;
  for (let i = 0; i + 1 < length; i++) merges[i] = mergeOf(table, symbols[i]!, symbols[i + 1]!);
  while (length > 1) {
    const at = lowestMerge(length - 1);
    const id = merges[at]!;
    if (id === NO_MERGE) break;
    length--;
    symbols[at] = id;
    for (let i = at + 1; i < length; i++) {
      symbols[i] = symbols[i + 1]!;
      merges[i] = merges[i + 1]!;
    }
    if (at > 0) merges[at - 1] = mergeOf(table, symbols[at - 1]!, id);
    if (at + 1 < length) merges[at] = mergeOf(table, id, symbols[at + 1]!);
  }
  if (length === 1) return symbols[0]!;
  const ids: number[] = [];
  for (let i = 0; i < length; i++) ids.push(symbols[i]!);
  return ids;
}

function lowestMerge(count: number): number {
  let at = 0;
  for (let i = 1; i < count; i++) {
    if (merges[i]! < merges[at]!) at = i;
  }
  return at;
}

/** A heap of possible merges over a linked list of symbols: n log n, for a word of any length. */
function mergeLong(table: PairTable, word: Uint16Array): readonly number[] {
  const count = word.length;
  const next = Int32Array.from(word, (_, i) => i + 1);
  const previous = Int32Array.from(word, (_, i) => i - 1);
  const heap = new MergeHeap(2 * count);
  const offer = (left: number) => {
    if (left < 0 || next[left]! >= count) return;
    const id = mergeOf(table, word[left]!, word[next[left]!]!);
    if (id !== NO_MERGE) heap.push(id, left);
  };
  for (let i = 0; i < count; i++) offer(i);
  // A symbol that was merged into its left neighbour becomes NO_MERGE, which no table entry has as a part.
  while (heap.pop()) {
    const { id, left } = heap;
    const right = next[left]!;
    if (right >= count || mergeOf(table, word[left]!, word[right]!) !== id) continue;
    word[left] = id;
    word[right] = NO_MERGE;
    next[left] = next[right]!;
    if (next[left]! < count) previous[next[left]!] = left;
    offer(previous[left]!);
    offer(left);
  }
  return Array.from(word.filter((symbol) => symbol !== NO_MERGE));
}

/** Binary heap of merges: the lowest id first, then the leftmost. It holds at most `capacity`. */
class MergeHeap {
  id = 0;
  left = 0;
  private readonly keys: Float64Array;
  private size = 0;

  constructor(capacity: number) {
    this.keys = new Float64Array(capacity);
  }

  push(id: number, left: number): void {
    const key = id * 2 ** 32 + left;
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.keys[parent]! <= key) break;
      this.keys[at] = this.keys[parent]!;
      at = parent;
    }
    this.keys[at] = key;
  }

  /** Moves the first merge to `id` and `left`; false where there is none. */
  pop(): boolean {
    if (this.size === 0) return false;
    const first = this.keys[0]!;
    this.left = first % 2 ** 32;
    this.id = (first - this.left) / 2 ** 32;
    this.sink(this.keys[--this.size]!);
    return true;
  }

  private sink(key: number): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && this.keys[child + 1]! < this.keys[child]!) child++;
      if (this.keys[child]! >= key) break;
      this.keys[at] = this.keys[child]!;
      at = child;
    }
    this.keys[at] = key;
  }
}
