import { ClipError } from '../errors.ts';

export interface Match {
  /** Position among the vectors. */
  readonly index: number;
  readonly cosine: number;
}

/** Vectors of one width, searched exactly: a thousand of 512 take a millisecond. */
export class VectorTable {
  readonly #width: number;
  /** [capacity, width], each row of length 1. */
  readonly #rows: Float32Array;
  #count = 0;

  constructor(width: number, capacity: number) {
    this.#width = width;
    this.#rows = new Float32Array(width * capacity);
  }

  get count(): number {
    return this.#count;
  }

  /** @throws ClipError bad_vector for one without a direction */
  add(vector: Float32Array): void {
    const length = lengthOf(vector);
    if (vector.length !== this.#width || !(length > 0 && Number.isFinite(length)))
      throw new ClipError(
        'bad_vector',
        `expected a vector of ${this.#width} numbers with a direction, got ${vector.length} of length ${length}`,
      );
    this.#rows.set(
      vector.map((value) => value / length),
      this.#count * this.#width,
    );
    this.#count += 1;
  }

  /** The closest to `vector`, best first; of equals the earlier. @throws ClipError invalid_request */
  nearest(vector: readonly number[], limit: number): Match[] {
    const length = lengthOf(vector);
    if (vector.length !== this.#width || !(length > 0 && Number.isFinite(length)))
      throw new ClipError(
        'invalid_request',
        `vector: expected ${this.#width} finite numbers, not all of them 0; got ${vector.length} of length ${length}`,
      );
    const matches: Match[] = [];
    for (let index = 0; index < this.#count; index++)
      matches.push({ index, cosine: this.#product(index, vector) / length });
    return matches.sort((a, b) => b.cosine - a.cosine || a.index - b.index).slice(0, limit);
  }

  #product(index: number, vector: readonly number[]): number {
    const start = index * this.#width;
    let sum = 0;
    for (let i = 0; i < this.#width; i++) sum += this.#rows[start + i]! * vector[i]!;
    return sum;
  }
}

function lengthOf(vector: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i]! * vector[i]!;
  return Math.sqrt(sum);
}
