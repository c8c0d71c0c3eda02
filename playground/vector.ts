/** `(1 − share) × a + share × b`, of both at length 1: what a long vector says counts no more than what a short one says. */
export function mix(a: readonly number[], b: readonly number[], share: number): number[] {
  const [x, y] = [unit(a), unit(b)];
  return x.map((value, i) => (1 - share) * value + share * y[i]!);
}

function unit(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
