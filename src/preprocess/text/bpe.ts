import { BYTE_IDS, mergeOf, NO_MERGE, type PairTable, WORD_END } from './vocabulary.ts';

/** Up to here a scan for the best pair is faster than a heap. */
const SHORT = 48;

/** Room for the symbols of a short word and for the merge of each with its right neighbour. */
const symbols = new Uint16Array(SHORT);
const merges = new Uint16Array(SHORT);

/**
 * Byte-pair encodes one word: merges the pair of the lowest rank, leftmost first, until no neighbours merge.
 * A token's merge always ranks after the merges of its parts, so this equals merging all pairs of a rank at once.
 *
 * @param bytes the word in UTF-8, at least one byte
 * @returns its token ids
 */
export function encodeWord(table: PairTable, bytes: Uint8Array): Uint16Array {
  const word = bytes.length <= SHORT ? symbols : new Uint16Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) word[i] = BYTE_IDS[bytes[i]!]!;
  word[bytes.length - 1]! += WORD_END;
  return bytes.length <= SHORT ? mergeShort(table, bytes.length) : mergeLong(table, word);
}

function mergeShort(table: PairTable, count: number): Uint16Array {
  let length = count;
  for (let i = 0; i + 1 < length; i++) merges[i] = mergeOf(table, symbols[i]!, symbols[i + 1]!);
  for (;;) {
    let best = NO_MERGE;
    let at = 0;
    for (let i = 0; i + 1 < length; i++) {
      if (merges[i]! < best) {
        best = merges[i]!;
        at = i;
      }
    }
    if (best === NO_MERGE) return symbols.slice(0, length);
    symbols[at] = best;
    symbols.copyWithin(at + 1, at + 2, length);
    merges.copyWithin(at + 1, at + 2, length);
    length--;
    if (at > 0) merges[at - 1] = mergeOf(table, symbols[at - 1]!, best);
    if (at + 1 < length) merges[at] = mergeOf(table, best, symbols[at + 1]!);
  }
}

/** A heap of possible merges over a linked list of symbols: n log n, for a word of any length. */
function mergeLong(table: PairTable, word: Uint16Array): Uint16Array {
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
  return word.filter((symbol) => symbol !== NO_MERGE);
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
