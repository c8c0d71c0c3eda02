import type { JsonObject, NamedScore, Scores } from './document.ts';
import { describe, FieldError, type Location } from './field-error.ts';

/** pydantic takes numbers for strings, and numeric strings for numbers; so do these. Null and absent are the same. */
export function readString(source: JsonObject, key: string, at: Location): string | undefined {
  const value = source[key];
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number') return String(value);
  throw new FieldError([...at, key], `expected a string, got ${describe(value)}`, 'type_error.str');
}

/** A float32, as the reference's wire carries it; 0 counts as unset. */
export function readFloat(source: JsonObject, key: string, at: Location): number | undefined {
  const value = source[key];
  if (value === undefined || value === null) return undefined;
  return toFloat32(value, [...at, key]) || undefined;
}

/** An unsigned 32-bit integer; fractions are cut; 0 counts as unset. */
export function readCount(source: JsonObject, key: string, at: Location): number | undefined {
  const value = source[key];
  if (value === undefined || value === null) return undefined;
  const count = Math.trunc(toNumber(value));
  if (count >= 0 && count <= 0xffffffff) return count || undefined;
  throw new FieldError(
    [...at, key],
    `expected an integer from 0 to 4294967295, got ${typeof value === 'number' ? value : describe(value)}`,
    'type_error.integer',
  );
}

export function readLocation(source: JsonObject, at: Location): number[] | undefined {
  const value = readList(source, 'location', at);
  return value?.map((member, i) => toFloat32(member, [...at, 'location', i]));
}

export function readScores(source: JsonObject, key: string, at: Location): Scores | undefined {
  const value = readObject(source, key, at);
  if (value === undefined) return undefined;
  return Object.fromEntries(
    Object.keys(value).map((name) => [name, readScore(value, name, [...at, key])] as const),
  );
}

function readScore(scores: JsonObject, name: string, at: Location): NamedScore {
  const score = readObject(scores, name, at) ?? {};
  const here = [...at, name];
  return {
    value: readFloat(score, 'value', here),
    opName: readString(score, 'op_name', here),
    description: readString(score, 'description', here),
    refId: readString(score, 'ref_id', here),
  };
}

/** An object of any JSON; absent, null and empty are the same. */
export function readObject(source: JsonObject, key: string, at: Location): JsonObject | undefined {
  const value = source[key];
  if (value === undefined || value === null) return undefined;
  if (isObject(value)) {
    checkFinite(value, [...at, key]);
    return Object.keys(value).length === 0 ? undefined : value;
  }
  throw new FieldError([...at, key], `expected an object, got ${describe(value)}`, 'type_error.dict');
}

/** A list; absent, null and empty are the same. */
export function readList(source: JsonObject, key: string, at: Location): unknown[] | undefined {
  const value = source[key];
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  throw new FieldError([...at, key], `expected a list, got ${describe(value)}`, 'type_error.list');
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toFloat32(value: unknown, at: Location): number {
  const number = Math.fround(toNumber(value));
  if (Number.isFinite(number)) return number;
  throw new FieldError(at, `expected a finite float32, got ${describe(value)}`, 'type_error.float');
}

function toNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
}

/** JSON.parse turns 1e999 into Infinity, which no answer can carry back. */
function checkFinite(value: unknown, at: Location): void {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new FieldError(at, 'expected numbers within the range of a double', 'type_error.float');
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (typeof member === 'number' || typeof member === 'object') checkFinite(member, [...at, key]);
  }
}
