import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PlanKey, PlanRecord, ProvedPlan, Refusal } from './plan.ts';
import type { PlanFolder } from './plan-folder.ts';
import { headerFault } from './plan-header.ts';
import { planName } from './plan-key.ts';
import { PIECE_BYTES, syncFolder, writePrivate } from './private-files.ts';

/** What a build came to: a plan that passed the parity gate, or why it did not. Key, checksum and time are the store's to add. */
export type Built =
  | (Pick<PlanRecord, 'model' | 'buildSeconds' | 'parity' | 'layers' | 'canary'> & {
      readonly plan: Uint8Array;
    })
  | Pick<Refusal, 'model' | 'refused' | 'parity'>;

/** With all that a record says. @throws the signal's reason */
export async function completed(
  key: PlanKey,
  built: Built,
  signal: AbortSignal,
): Promise<ProvedPlan | Refusal> {
  const created = new Date().toISOString();
  if ('refused' in built) return { ...built, key, created };
  const { plan, ...about } = built;
  const sha256 = await sumOf(plan, signal);
  return { record: { ...about, key, sha256, bytes: plan.length, created }, plan };
}

/**
 * Keeps what was built, durably; the side-car last, which makes it count. To be called by the holder of the name's lock.
 * @throws Error of the file system; Error where the plan is not one that a later start would take
 */
export async function writePlan(folder: PlanFolder, outcome: ProvedPlan | Refusal): Promise<void> {
  const record = 'plan' in outcome ? outcome.record : outcome;
  const name = planName(record.key);
  if ('plan' in outcome) {
    const fault = headerFault(outcome.plan, record.key.tensorrt);
    if (fault) throw new Error(`what the library wrote is not what was expected of it: ${fault}`);
    await writePrivate(folder.plan(name), outcome.plan);
  }
  await writePrivate(folder.record(name), recordBytes(record));
  await syncFolder(folder.path);
}

/** Bytes that `writePlan` writes. */
export function sizeOf(outcome: ProvedPlan | Refusal): number {
  if ('refused' in outcome) return recordBytes(outcome).length;
  return outcome.plan.length + recordBytes(outcome.record).length;
}

function recordBytes(record: PlanRecord | Refusal): Uint8Array {
  return Buffer.from(`${JSON.stringify(record, null, 1)}\n`);
}

/** SHA-256 of many bytes, with turns of the event loop in between; lower-case hexadecimal. */
async function sumOf(bytes: Uint8Array, signal: AbortSignal): Promise<string> {
  const sum = createHash('sha256');
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    sum.update(bytes.subarray(at, at + PIECE_BYTES));
    await nextTurn();
    signal.throwIfAborted();
  }
  return sum.digest('hex');
}
