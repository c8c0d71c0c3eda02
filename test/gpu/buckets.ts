import type { KeptPlan } from './tasks.ts';

/** Most rows that a run of the plan may have. */
export function mostRows({ contract, key }: KeptPlan): number {
  const rows = key.profiles.map((profile) => profile[contract.input.name]?.max[0] ?? 1);
  return contract.fixedBatch ?? Math.max(...rows);
}

/** Rows that runs are padded to, ascending: powers of two, what lies halfway between them, and the most that there are. */
export function bucketsUpTo(most: number): number[] {
  const sizes = new Set([most]);
  for (let size = 1; size <= most; size *= 2)
    for (const bucket of [size, 1.5 * size])
      if (Number.isInteger(bucket) && bucket <= most) sizes.add(bucket);
  return [...sizes].sort((a, b) => a - b);
}
