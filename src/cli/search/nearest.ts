import { halfToNumber } from '../../float16.ts';
import { unit } from '../embed/unit.ts';

export interface Near {
  readonly row: number;
  /** The cosine: that of the float16 row, summed in float64. */
  readonly score: number;
}

/** Exact search: looks at every row, and keeps the few that are nearest to the query. */
export class NearestRows {
  readonly #query: Float32Array;
  readonly #values = halves();
  /** A heap with the least on top; of equal scores the later row is less. */
  readonly #rows: Float64Array;
  readonly #scores: Float64Array;
  #count = 0;

  /** `query` is float32 [width], of any length above 0; at most `top` rows are kept. */
  constructor(query: Float32Array, top: number) {
    this.#query = unit(query);
    this.#rows = new Float64Array(top);
    this.#scores = new Float64Array(top);
  }

  /** Rows as float16 bits, the first of which is number `first`; those of which `counts` is 0 are passed over. */
  look(vectors: Uint16Array, first: number, counts: Uint8Array): void {
    const width = this.#query.length;
    for (let at = 0, row = first; at < vectors.length; at += width, row += 1) {
      if (counts[row] === 0) continue;
      const score = dot(vectors, at, this.#query, this.#values);
      if (this.#count < this.#scores.length) this.#rise(this.#count++, row, score);
      else if (score > this.#scores[0]!) this.#sink(row, score);
    }
  }

  /** Best first; of equal ones the earlier row. */
  best(): Near[] {
    return Array.from(this.#rows.subarray(0, this.#count), (row, i) => ({
      row,
      score: this.#scores[i]!,
    })).sort((a, b) => b.score - a.score || a.row - b.row);
  }

  /** Puts an entry at the heap's end, and up to where it belongs. */
  #rise(end: number, row: number, score: number): void {
    let at = end;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isLess(row, score, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#set(at, row, score);
  }

  /** Puts an entry in the place of the least, and down to where it belongs. */
  #sink(row: number, score: number): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#count) break;
      const right = child + 1;
      if (right < this.#count && this.#isLess(this.#rows[right]!, this.#scores[right]!, child)) child = right;
      if (this.#isLess(row, score, child)) break;
      this.#move(child, at);
      at = child;
    }
    this.#set(at, row, score);
  }

  #isLess(row: number, score: number, than: number): boolean {
    const other = this.#scores[than]!;
    return score < other || (score === other && row > this.#rows[than]!);
  }

  #move(from: number, to: number): void {
    this.#set(to, this.#rows[from]!, this.#scores[from]!);
  }

  #set(at: number, row: number, score: number): void {
    this.#rows[at] = row;
    this.#scores[at] = score;
  }
}

/** Four sums at a time: each addition waits for the one before it. */
function dot(vectors: Uint16Array, at: number, query: Float32Array, values: Float32Array): number {
  const width = query.length;
  const whole = width - (width % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    a += values[vectors[at + i]!]! * query[i]!;
    b += values[vectors[at + i + 1]!]! * query[i + 1]!;
    c += values[vectors[at + i + 2]!]! * query[i + 2]!;
    d += values[vectors[at + i + 3]!]! * query[i + 3]!;
  }
  for (let i = whole; i < width; i += 1) a += values[vectors[at + i]!]! * query[i]!;
  return a + b + c + d;
}

/** What each 16 bits stand for: a look into a table costs less than the arithmetic. */
function halves(): Float32Array {
  const values = new Float32Array(2 ** 16);
  for (let bits = 0; bits < values.length; bits += 1) values[bits] = halfToNumber(bits);
  return values;
}
