import type { PlanRecord, Refusal } from './plan.ts';
import { type Entry, isInUse, PlanFolder } from './plan-folder.ts';
import { readPlan, recordOf } from './plan-reading.ts';
import { makeRoom } from './plan-room.ts';
import { isPrivateFolder } from './private-files.ts';

/** A plan or a refusal in the cache. */
export interface Kept extends Omit<Entry, 'kind'> {
  readonly isInUse: boolean;
  /** Absent where it cannot be read. */
  readonly record?: PlanRecord | Refusal;
  /** Why it would not be given out, as a clause. */
  readonly fault?: string;
}

/**
 * What the cache holds, the last used first; `verify` reads each plan as a start does, else only its side-car is read. A folder that
 * is not there holds nothing. Nothing is changed.
 * @throws UntrustedError; Error of the file system; the signal's reason
 */
export async function surveyPlans(path: string, verify: boolean, signal: AbortSignal): Promise<Kept[]> {
  if (!(await isPrivateFolder(path))) return [];
  const folder = new PlanFolder(path);
  const kept: Kept[] = [];
  // One after the other: a plan is held whole while it is verified.
  for (const { kind, ...entry } of await folder.entries()) {
    if (kind !== 'plan') continue;
    const state = verify ? await verified(folder, entry.name, signal) : await recorded(folder, entry.name);
    kept.push({ ...entry, isInUse: isInUse(entry), ...state });
  }
  return kept.sort((a, b) => b.usedAt - a.usedAt);
}

async function recorded(folder: PlanFolder, name: string): Promise<Pick<Kept, 'record' | 'fault'>> {
  try {
    return { record: await recordOf(folder, name) };
  } catch (thrown) {
    return { fault: `its record: ${(thrown as Error).message}` };
  }
}

async function verified(
  folder: PlanFolder,
  name: string,
  signal: AbortSignal,
): Promise<Pick<Kept, 'record' | 'fault'>> {
  const reading = await readPlan(folder, name, signal);
  if ('found' in reading) return { record: 'plan' in reading.found ? reading.found.record : reading.found };
  const { record } = await recorded(folder, name);
  return { ...(record && { record }), fault: 'bad' in reading ? reading.bad : reading.absent };
}

/**
 * Removes what was rejected or cut off, then what was not used for longest until `maxBytes` suffice; with `all`, every plan that no
 * process uses. @returns what went
 * @throws UntrustedError; Error of the file system
 */
export async function prunePlans(path: string, maxBytes: number, all: boolean): Promise<readonly Entry[]> {
  if (!(await isPrivateFolder(path))) return [];
  const folder = new PlanFolder(path);
  await folder.sweep();
  const entries = await folder.entries();
  const doomed = entries.filter((entry) => entry.kind === 'rejected' || (all && !isInUse(entry)));
  for (const entry of doomed) await folder.remove(entry);
  return [...doomed, ...((await makeRoom(folder, 0, maxBytes)) ?? [])];
}
