import type { PlanRecord, Refusal } from './plan.ts';
import { planName } from './plan-key.ts';

/** Of a side-car: those that are written have some 20 KB. */
export const RECORD_BYTES = 1024 * 1024;

/** What a side-car of this name says; someone may have edited it. @throws Error with a clause */
export function readRecord(text: string, name: string): PlanRecord | Refusal {
  const record: unknown = JSON.parse(text);
  if (!isObject(record) || !isObject(record.key))
    throw new Error('expected a record with a key, got another JSON value');
  const found = planName(record.key as unknown as PlanRecord['key']);
  if (found !== name) throw new Error(`its key is that of ${found}`);
  if (isPlanRecord(record) || isRefusal(record)) return record;
  throw new Error('expected the record of a plan or of a refusal, got one that lacks members');
}

function isPlanRecord(record: object): record is PlanRecord {
  const { model, sha256, bytes, buildSeconds, parity, canary, created } = record as Partial<PlanRecord>;
  return (
    areTexts(model, sha256, created) &&
    /^[0-9a-f]{64}$/.test(sha256!) &&
    Number.isSafeInteger(bytes) &&
    areNumbers(buildSeconds, parity?.inputs, parity?.mean, parity?.least) &&
    Array.isArray(canary) &&
    areNumbers(...canary)
  );
}

function isRefusal(record: object): record is Refusal {
  const { model, refused, created } = record as Partial<Refusal>;
  return areTexts(model, refused, created);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const areTexts = (...values: unknown[]) => values.every((value) => typeof value === 'string');
const areNumbers = (...values: unknown[]) => values.every((value) => Number.isFinite(value));
