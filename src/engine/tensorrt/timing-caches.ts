import { createHash } from 'node:crypto';
import { rm, utimes } from 'node:fs/promises';
import { unlessLocked } from '../../model/lock.ts';
import type { PlanKey } from './plan.ts';
import { LOCK, type PlanFolder } from './plan-folder.ts';
import { canonicalJson } from './plan-key.ts';
import { makeRoom } from './plan-room.ts';
import { openPrivate, syncFolder, writePrivate } from './private-files.ts';

/** What timings of kernels depend on. */
export type TimingKind = Pick<PlanKey, 'tensorrt' | 'gpu' | 'computeCapability'>;

/** SHA-256 of what follows; the library has to trust it. */
const SUM_BYTES = 32;

/** The timings that earlier builds of the kind have left; undefined where there are none, or others than were written. */
export async function readTimingCache(folder: PlanFolder, kind: TimingKind): Promise<Uint8Array | undefined> {
  const path = folder.timing(nameOf(kind));
  try {
    const { file } = await openPrivate(path);
    const content = await file.readFile().finally(() => file.close());
    const bytes = content.subarray(SUM_BYTES);
    if (sumOf(bytes).equals(content.subarray(0, SUM_BYTES))) {
      const now = new Date();
      await utimes(path, now, now).catch(() => {});
      return bytes;
    }
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== undefined) return undefined;
  }
  await rm(path, { force: true }).catch(() => {});
  return undefined;
}

/**
 * Keeps timings in place of earlier ones of the kind, unless another process does so just now, or there is no room.
 * @throws Error of the file system
 */
export async function writeTimingCache(
  folder: PlanFolder,
  kind: TimingKind,
  bytes: Uint8Array,
  maxBytes: number,
): Promise<void> {
  const name = nameOf(kind);
  const content = Buffer.concat([sumOf(bytes), bytes]);
  await unlessLocked(folder.lock(`timing-${name}`), LOCK, async () => {
    if (!(await makeRoom(folder, content.length, maxBytes))) return;
    await writePrivate(folder.timing(name), content);
    await syncFolder(folder.path);
  });
}

function nameOf({ tensorrt, gpu, computeCapability }: TimingKind): string {
  return createHash('sha256')
    .update(canonicalJson([tensorrt, gpu, computeCapability]))
    .digest('hex')
    .slice(0, 16);
}

const sumOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
