import { createHash } from 'node:crypto';
import type { PlanKey } from './plan.ts';

/** Of the files of the plan cache: to be raised whenever what they hold changes its meaning. */
const VERSION = 1;

/** What the files of a plan are called, without ending: 64 hexadecimal digits. Equal keys have equal names. */
export function planName(key: PlanKey): string {
  return createHash('sha256')
    .update(canonicalJson([VERSION, key]))
    .digest('hex');
}

/** JSON in which the order of an object's members says nothing: they are sorted. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
