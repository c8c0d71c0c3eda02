import type { TowerRecipe } from '../plan.ts';

/** What one build may take. */
export interface Share {
  readonly maxBatch: number;
  readonly workspaceBytes: number;
}

/** A smaller workspace only leaves kernels out; below this too few are left. */
const WORKSPACES = [1, 1 / 2, 1 / 4];

/** Most rows of a run, the wished first: each half of the one before, down to one. */
export function batchesDown(maxBatch: number): number[] {
  const batches = [maxBatch];
  for (let rows = maxBatch; rows > 1; ) batches.push((rows = Math.trunc(rows / 2)));
  return batches;
}

/** Workspaces of the builds with so many rows: those of smaller batches begin where the ones before gave up. */
export function sharesOf({ maxBatch, workspaceBytes }: TowerRecipe, rows: number): Share[] {
  const parts = rows === maxBatch ? WORKSPACES : WORKSPACES.slice(-1);
  return parts.map((part) => ({ maxBatch: rows, workspaceBytes: Math.trunc(workspaceBytes * part) }));
}
