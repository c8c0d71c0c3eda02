/** A smaller workspace only leaves kernels out; below this too few are left. */
const WORKSPACES = [1, 1 / 2, 1 / 4];

/** Most rows of a run, the wished first: each half of the one before, down to one. */
export function batchesDown(maxBatch: number): number[] {
  return maxBatch > 1 ? [maxBatch, ...batchesDown(Math.trunc(maxBatch / 2))] : [maxBatch];
}

/** Bytes of workspace that builds are tried with. Those of smaller batches begin where the first ones gave up. */
export function workspacesDown(workspaceBytes: number, isFirstBatch: boolean): number[] {
  const parts = isFirstBatch ? WORKSPACES : WORKSPACES.slice(-1);
  return parts.map((part) => Math.trunc(workspaceBytes * part));
}
