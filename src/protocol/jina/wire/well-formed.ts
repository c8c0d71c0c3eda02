import { DENSE, ENTRY, LIST, ND_ARRAY, SPARSE, STRUCT, VALUE } from './fields.ts';
import type { Reader } from './reader.ts';

/** What stands behind a tag: text, or a message of a form of its own. Every other field is stepped over. */
export type Form = ReadonlyMap<number, 'text' | (() => Form)>;

const value: Form = new Map<number, 'text' | (() => Form)>([
  [VALUE.stringValue, 'text'],
  [VALUE.structValue, () => STRUCT_FORM],
  [VALUE.listValue, () => list],
]);
const list: Form = new Map([[LIST.values, () => value]]);
const entry: Form = new Map<number, 'text' | (() => Form)>([
  [ENTRY.key, 'text'],
  [ENTRY.value, () => value],
]);
const dense: Form = new Map([[DENSE.dtype, 'text']]);
const sparse: Form = new Map([
  [SPARSE.indices, () => dense],
  [SPARSE.values, () => dense],
]);

export const STRUCT_FORM: Form = new Map([[STRUCT.fields, () => entry]]);

export const ND_ARRAY_FORM: Form = new Map<number, 'text' | (() => Form)>([
  [ND_ARRAY.dense, () => dense],
  [ND_ARRAY.sparse, () => sparse],
  [ND_ARRAY.clsName, 'text'],
  [ND_ARRAY.parameters, () => STRUCT_FORM],
]);

/**
 * A sub-message that is kept as it came. It is walked nevertheless, so that what goes back is what clients can read.
 *
 * @throws ClipError invalid_request, too_deep
 */
export function readEncoded(reader: Reader, form: Form): Uint8Array {
  const outer = reader.enter();
  const bytes = reader.rest();
  walk(reader, form);
  reader.leave(outer);
  return bytes;
}

function walk(reader: Reader, form: Form): void {
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    const inner = form.get(tag);
    if (inner === undefined) reader.skip(tag);
    else if (inner === 'text') reader.string();
    else {
      const outer = reader.enter();
      walk(reader, inner());
      reader.leave(outer);
    }
  }
}
