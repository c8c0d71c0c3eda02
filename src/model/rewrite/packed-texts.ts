import type { EndToken } from '../architecture/architecture.ts';

/**
 * Texts as a packed graph takes them. The layers work on a matrix [tokens, width] without padding: one row for each token that
 * counts, and a beginning that several texts share once, since causal attention gives it the same numbers in each.
 */
export interface PackedTexts {
  /** [tokens] ids. */
  readonly tokens: Int32Array;
  /** [tokens] columns. */
  readonly positions: Int32Array;
  /** [tokens] row · columns + column of a text that has the token there. */
  readonly places: Int32Array;
  /** [rows, columns] Which token stands in a cell. Behind the end it's the end token, which nothing before it sees. */
  readonly index: Int32Array;
  /** [rows] Which token becomes the vector. */
  readonly end: Int32Array;
  /** Of the longest text. */
  readonly columns: number;
}

/** Column of the end token, as the graph that finds it for itself does: 0 where there is none of the id that is looked for. */
export function endColumn(ids: Int32Array, rule: EndToken): number {
  if (rule.rule === 'first') return Math.max(ids.indexOf(rule.id), 0);
  let end = 0;
  for (let i = 1; i < ids.length; i++) if (ids[i]! > ids[end]!) end = i;
  return end;
}

/** Packs texts, given as their ids with or without padding behind the end token, at least one each. */
export function packTexts(texts: readonly Int32Array[], rule: EndToken): PackedTexts {
  const lengths = texts.map((ids) => endColumn(ids, rule) + 1);
  const columns = Math.max(...lengths);
  const tokens: number[] = [];
  const positions: number[] = [];
  const places: number[] = [];
  const index = new Int32Array(texts.length * columns);
  const end = new Int32Array(texts.length);
  /** By the token before and the id: a tree of the texts' beginnings. */
  const known = new Map<number, number>();
  for (const [row, ids] of texts.entries()) {
    const length = lengths[row]!;
    let token = -1;
    for (let column = 0; column < length; column++) {
      const cell = row * columns + column;
      const key = (token + 1) * IDS + ids[column]!;
      let next = known.get(key);
      if (next === undefined) {
        next = tokens.length;
        known.set(key, next);
        tokens.push(ids[column]!);
        positions.push(column);
        places.push(cell);
      }
      token = next;
      index[cell] = token;
    }
    index.fill(token, row * columns + length, (row + 1) * columns);
    end[row] = token;
  }
  return {
    tokens: Int32Array.from(tokens),
    positions: Int32Array.from(positions),
    places: Int32Array.from(places),
    index,
    end,
    columns,
  };
}

/** More than there are int32 ids from 0 on; times the tokens of a batch it stays an exact integer. */
const IDS = 2 ** 31;
