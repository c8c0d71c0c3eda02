import type { TextInput, TowerContract } from './tower.ts';

/**
 * Columns of the ids that a text is computed with: the fewest that the graph may be given and that reach to the row which
 * becomes the vector. A causal mask hides what stands behind that row. All of them where the graph takes no fewer.
 */
export function columnsOf({ ids }: TextInput, cut: TowerContract['cut']): number {
  if (!cut) return ids.length;
  const needed = endOf(ids, cut.endToken) + 1;
  return cut.lengths.find((length) => length >= needed) ?? ids.length;
}

type EndToken = NonNullable<TowerContract['cut']>['endToken'];

/** As the graph looks for it. Where it would find none, nothing is left away: what it falls back to is its own affair. */
function endOf(ids: Int32Array, endToken: EndToken): number {
  if (endToken.rule === 'first') {
    const found = ids.indexOf(endToken.id);
    return found < 0 ? ids.length - 1 : found;
  }
  let end = 0;
  for (let i = 1; i < ids.length; i++) if (ids[i]! > ids[end]!) end = i;
  return end;
}
