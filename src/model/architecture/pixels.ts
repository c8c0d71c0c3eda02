import { MEAN, STD } from '../recipe.ts';
import { evaluate } from './function.ts';
import type { TowerGraph } from './graph.ts';
import { differs } from './unrecognised.ts';

const PLACE = 'the pixels';
const POINTS = Float64Array.of(0, 1, 64, 128, 255);
/** Of the means and deviations that graphs hold: some exporters round them to three digits. */
const TOLERANCE = 5e-3;

/** That a convolution takes the input itself, or bytes normalised as CLIP does. Throws Unrecognised where it does not. */
export function requirePixels(graph: TowerGraph, value: string): void {
  const { input, layout } = graph.port;
  const isVariable = (at: string) => at === input.name;
  if (layout !== 'nhwc') {
    const at = graph.through(value);
    if (isVariable(at)) return;
    throw differs(PLACE, 'the input as it is', graph.describe(at));
  }
  for (const [element, mean] of MEAN.entries()) {
    const { results } = evaluate(graph, value, POINTS, PLACE, { isVariable, element });
    const expected = POINTS.map((byte) => (byte / 255 - mean) / STD[element]!);
    const off = results.findIndex((result, i) => !(Math.abs(result - expected[i]!) <= TOLERANCE));
    if (off < 0) continue;
    const found = `${results[off]!.toPrecision(5)} instead of ${expected[off]!.toPrecision(5)} for ${POINTS[off]}`;
    throw differs(PLACE, "bytes normalised by CLIP's means and deviations", found);
  }
}
