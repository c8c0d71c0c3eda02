import { ClipError } from '../../../errors.ts';
import type { Encoded, JsonObject } from '../document.ts';
import { describe } from '../field-error.ts';
import { ENTRY, LIST, STRUCT, VALUE } from './fields.ts';
import { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

const MOST_LEVELS = 100;

/** A `google.protobuf.Struct` that was kept as it came. */
export function decodeStruct({ bytes }: Encoded): JsonObject {
  // How deep it is was checked when it came.
  const members: [string, unknown][] = [];
  readMembers(new Reader(bytes, Infinity), members);
  return Object.fromEntries(members);
}

/**
 * Adds the members of a `google.protobuf.Struct`; numbers are doubles, NaN and infinities included.
 * @throws ClipError invalid_request, too_deep, too_many_values
 */
export function readStruct(reader: Reader, into: [string, unknown][]): void {
  const outer = reader.enter();
  readMembers(reader, into);
  reader.leave(outer);
}

function readMembers(reader: Reader, into: [string, unknown][]): void {
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === STRUCT.fields) into.push(readEntry(reader));
    else reader.skip(tag);
  }
}

function readEntry(reader: Reader): [string, unknown] {
  const outer = reader.enter();
  let key = '';
  let value: unknown = null;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === ENTRY.key) key = reader.string();
    else if (tag === ENTRY.value) value = readValue(reader);
    else reader.skip(tag);
  }
  reader.leave(outer);
  return [key, value];
}

/** Of several kinds the last counts; none is null. */
function readValue(reader: Reader): unknown {
  reader.countValue();
  const outer = reader.enter();
  let value: unknown = null;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === VALUE.numberValue) value = reader.double();
    else if (tag === VALUE.stringValue) value = reader.string();
    else if (tag === VALUE.boolValue) value = reader.bool();
    else if (tag === VALUE.structValue) value = readObject(reader);
    else if (tag === VALUE.listValue) value = readList(reader);
    else {
      reader.skip(tag);
      if (tag === VALUE.nullValue) value = null;
    }
  }
  reader.leave(outer);
  return value;
}

function readObject(reader: Reader): JsonObject {
  const members: [string, unknown][] = [];
  readStruct(reader, members);
  return Object.fromEntries(members);
}

function readList(reader: Reader): unknown[] {
  const outer = reader.enter();
  const values: unknown[] = [];
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === LIST.values) values.push(readValue(reader));
    else reader.skip(tag);
  }
  reader.leave(outer);
  return values;
}

/**
 * A `google.protobuf.Struct`. Members that are undefined are left out, as JSON leaves them out.
 * @throws ClipError invalid_request for what JSON does not hold, too_deep
 */
export function writeStruct(out: Writer, tag: number, value: object, levels = MOST_LEVELS): void {
  if (levels === 0)
    throw new ClipError('too_deep', `expected values at most ${MOST_LEVELS} levels deep, got more`);
  const struct = out.open(tag);
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const entry = out.open(STRUCT.fields);
    out.string(ENTRY.key, key);
    writeValue(out, ENTRY.value, member, levels - 1);
    out.close(entry);
  }
  out.close(struct);
}

function writeValue(out: Writer, tag: number, value: unknown, levels: number): void {
  const opened = out.open(tag);
  if (value === null || value === undefined) out.uint32(VALUE.nullValue, 0);
  else if (typeof value === 'number') out.double(VALUE.numberValue, value);
  else if (typeof value === 'string') out.string(VALUE.stringValue, value);
  else if (typeof value === 'boolean') out.bool(VALUE.boolValue, value);
  else if (Array.isArray(value)) writeList(out, value, levels);
  else if (typeof value === 'object') writeStruct(out, VALUE.structValue, value, levels);
  else throw new ClipError('invalid_request', `expected a value that JSON can hold, got ${describe(value)}`);
  out.close(opened);
}

function writeList(out: Writer, values: readonly unknown[], levels: number): void {
  if (levels === 0)
    throw new ClipError('too_deep', `expected values at most ${MOST_LEVELS} levels deep, got more`);
  const list = out.open(VALUE.listValue);
  for (const value of values) writeValue(out, LIST.values, value, levels - 1);
  out.close(list);
}
