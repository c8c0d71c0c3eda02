import { type Entry, isInUse, type PlanFolder } from './plan-folder.ts';

/**
 * Removes what was not used for longest until so many more bytes fit into `maxBytes`; what was rejected goes first, what a
 * running process has does not go. Nothing goes where that would not do.
 * @returns what went, or undefined where it does not fit. @throws Error of the file system
 */
export async function makeRoom(
  folder: PlanFolder,
  need: number,
  maxBytes: number,
): Promise<readonly Entry[] | undefined> {
  const entries = await folder.entries();
  const rank = ({ kind }: Entry) => (kind === 'rejected' ? 0 : 1);
  const spare = entries
    .filter((entry) => entry.kind === 'rejected' || !isInUse(entry))
    .sort((a, b) => rank(a) - rank(b) || a.usedAt - b.usedAt);
  let surplus = bytesOf(entries) + need - maxBytes;
  if (surplus > bytesOf(spare)) return undefined;
  const gone: Entry[] = [];
  for (const entry of spare) {
    if (surplus <= 0) break;
    await folder.remove(entry);
    surplus -= entry.bytes;
    gone.push(entry);
  }
  return gone;
}

export function bytesOf(entries: readonly Pick<Entry, 'bytes'>[]): number {
  return entries.reduce((total, { bytes }) => total + bytes, 0);
}
