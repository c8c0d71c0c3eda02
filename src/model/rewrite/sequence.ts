import type { GraphDraft, Value } from './draft.ts';

/** How the rows of the matrix [tokens, width] that the layers work on belong to texts or pictures, and where they stand. */
export interface Sequence {
  /** [tokens, …] → [rows, columns, ...shape] */
  spread(value: Value, shape: readonly number[]): Value;
  /** [rows, columns, heads, size] → [tokens, width] */
  collect(value: Value, width: number): Value;
  /** [tokens, width] → [rows, width]: the token of each row that becomes its vector. */
  pick(value: Value, width: number): Value;
  /** float32, added to scores [rows, heads, columns, columns]. */
  readonly mask?: Value;
  /** float32 [rows, 1, columns], added to the scores of the token that becomes the vector. */
  readonly pickedMask?: Value;
}

/** Pictures: every row has the same number of tokens, and its first one becomes the vector. */
export function pictureSequence(g: GraphDraft, columns: number): Sequence {
  return {
    spread: (value, shape) => g.reshape(value, [-1, columns, ...shape]),
    collect: (value, width) => g.reshape(value, [-1, width]),
    pick: (value, width) => {
      const spread = g.reshape(value, [-1, columns, width]);
      return g.op('Gather', [spread, g.integers([0], [])], { axis: 1 });
    },
  };
}
