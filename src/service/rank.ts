import { ClipError } from '../errors.ts';
import type { RankedMatch } from './item.ts';

const f32 = Math.fround;
/** docarray's guard against division by zero. */
const EPSILON = f32(1e-7);
/** CLIP's logit scale, as clip-as-service rounds it. */
export const CLIP_LOGIT_SCALE = Math.exp(4.60517);

/**
 * Scores as clip-as-service's `set_rank` computes them with NumPy in float32: docarray's cosine distance, one minus that,
 * and the softmax over the group. Sums are taken in float64, where NumPy's order depends on the machine.
 *
 * @param logitScale what a cosine is multiplied by before the softmax: the model's own
 * @returns matches in descending order of score; ties keep their order
 * @throws ClipError rank_failed for a group without matches, or where a score is not a number
 */
export function rankGroup(
  query: Float32Array,
  matches: readonly Float32Array[],
  logitScale = CLIP_LOGIT_SCALE,
): RankedMatch[] {
  if (matches.length === 0)
    throw new ClipError('rank_failed', 'expected at least one match to rank, got none');
  const cosines = matches.map((match) => cosine(query, match));
  const scale = f32(logitScale);
  const scores = softmax(cosines.map((x) => f32(scale * x)));
  const wrong = scores.findIndex((score) => !Number.isFinite(score));
  if (wrong >= 0)
    throw new ClipError('rank_failed', `expected a score for match ${wrong}, got ${scores[wrong]}`);
  return scores
    .map((score, index) => ({ index, score, cosine: cosines[index]! }))
    .sort((a, b) => b.score - a.score);
}

function cosine(a: Float32Array, b: Float32Array): number {
  const product = f32(f32(dot(a, b)) + EPSILON);
  const lengths = f32(f32(f32(norm(a)) * f32(norm(b))) + EPSILON);
  const distance = f32(1 - Math.min(1, Math.max(-1, f32(product / lengths))));
  return f32(1 - distance);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function norm(a: Float32Array): number {
  return Math.sqrt(dot(a, a));
}

function softmax(logits: readonly number[]): number[] {
  const largest = logits.reduce((max, x) => Math.max(max, x));
  const powers = logits.map((x) => f32(Math.exp(f32(x - largest))));
  const sum = f32(powers.reduce((total, x) => total + x, 0));
  return powers.map((power) => f32(power / sum));
}
