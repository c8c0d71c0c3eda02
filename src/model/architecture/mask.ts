import type { TowerGraph } from './graph.ts';
import { differs } from './unrecognised.ts';

/** What keeps a row of scores from seeing others. */
export type Mask =
  /** An operator's own. */
  | { readonly kind: 'triangle' }
  /** Added to the scores. */
  | { readonly kind: 'added'; readonly value: string }
  /** Where it is true (`seen`) the scores count, or (`hidden`) `instead` stands for them, minus infinity by default. */
  | { readonly kind: 'seen' | 'hidden'; readonly value: string; readonly instead?: number };

/** Scores this low have no share; exporters write -∞, the lowest number of a type, or -10000. */
const NOTHING = -10_000;

/**
 * That all masks together let each row see itself and those before it, computed for a trial with full rows.
 * Throws Unrecognised where they do not, or cannot be computed.
 */
export function requireCausal(graph: TowerGraph, masks: readonly Mask[], place: string): void {
  if (masks.length === 0) throw differs(place, 'a causal mask', 'none');
  let isTriangle = false;
  for (const mask of masks) {
    if (mask.kind === 'triangle') isTriangle = true;
    else if (followsTriangle(graph, mask, place)) isTriangle = true;
  }
  if (!isTriangle) throw differs(place, 'a mask that hides the rows behind each', 'one that hides none');
}

/** Rows of another tower see all; a mask that hides nothing is not left away either. */
export function requireNone(masks: readonly Mask[], place: string): void {
  if (masks.length > 0) throw differs(place, 'no mask', `a mask (${masks[0]!.kind})`);
}

/** False where the mask hides nothing. Throws where it hides anything but the rows behind. */
function followsTriangle(
  graph: TowerGraph,
  mask: Exclude<Mask, { kind: 'triangle' }>,
  place: string,
): boolean {
  const found = graph.values(mask.value);
  if (!found) throw differs(place, 'a mask that can be computed', graph.describe(mask.value));
  const [rows = 0, columns = 0] = found.dims.slice(-2);
  if (mask.kind !== 'added' && (mask.instead ?? NOTHING) > NOTHING) {
    throw differs(place, 'scores of minus infinity where the mask hides', `${mask.instead}`);
  }
  const hides = (value: number) => {
    if (mask.kind !== 'added') return (value === 0) === (mask.kind === 'seen');
    if (value !== 0 && !(value <= NOTHING))
      throw differs(place, 'a mask of 0 and minus infinity', `${value}`);
    return value !== 0;
  };
  let hidden = 0;
  for (const [at, value] of found.values.entries()) {
    if (!hides(value)) continue;
    const row = rows > 1 ? Math.floor(at / columns) % rows : columns;
    if (at % columns <= row)
      throw differs(place, 'a causal mask', `one that hides column ${at % columns} from row ${row}`);
    hidden++;
  }
  if (hidden === 0) return false;
  const squares = found.values.length / (rows * columns);
  if (rows !== columns || hidden !== (squares * rows * (rows - 1)) / 2) {
    throw differs(place, 'a causal mask', 'one that lets some rows see others behind them');
  }
  return true;
}
