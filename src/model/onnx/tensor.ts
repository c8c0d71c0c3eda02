import type { Field, ProtobufFile } from './protobuf.ts';
import { elementBytes, elementName, type OnnxTensor } from './types.ts';

const FLOAT32 = 1;
const FLOAT16 = 10;

/** What a TensorProto said, as far as it was read. */
interface Draft {
  name: string;
  type: number;
  dims: number[];
  raw?: Field;
  floats?: Field;
  external: Map<string, string>;
  isExternal: boolean;
}

/** Reads a TensorProto and steps over its elements. `name` replaces its own where a Constant node gives it another. */
export async function readTensor(file: ProtobufFile, message: Field, name?: string): Promise<OnnxTensor> {
  const draft: Draft = { name: '', type: 0, dims: [], external: new Map(), isExternal: false };
  for await (const field of file.fields(message.start, message.end)) await readField(file, field, draft);
  if (draft.dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0)) {
    throw file.broken(message.start, `the shape [${draft.dims.join(', ')}] of ${draft.name || 'a tensor'}`);
  }
  const { dims, raw } = draft;
  const scalar = await readScalar(file, draft);
  return {
    name: name ?? draft.name,
    type: elementName(draft.type),
    dims,
    bytes: elementBytes(draft.type, dims),
    ...(raw && { raw: { start: raw.start, end: raw.end } }),
    ...(draft.isExternal && { external: readLocation(file, message, draft) }),
    ...(scalar !== undefined && { scalar }),
  };
}

async function readField(file: ProtobufFile, field: Field, draft: Draft): Promise<void> {
  switch (field.number) {
    case 1:
      draft.dims.push(...(await file.integers(field)));
      break;
    case 2:
      draft.type = Number(field.value);
      break;
    case 4:
      draft.floats = field;
      break;
    case 8:
      draft.name = await file.text(field);
      break;
    case 9:
      draft.raw = field;
      break;
    case 13: {
      const [key, value] = await readPair(file, field);
      draft.external.set(key, value);
      break;
    }
    case 14:
      draft.isExternal = field.value === 1n;
  }
}

async function readPair(file: ProtobufFile, message: Field): Promise<[string, string]> {
  let key = '';
  let value = '';
  for await (const field of file.fields(message.start, message.end)) {
    if (field.number === 1) key = await file.text(field);
    if (field.number === 2) value = await file.text(field);
  }
  return [key, value];
}

function readLocation(
  file: ProtobufFile,
  message: Field,
  draft: Draft,
): { location: string; offset: number; length?: number } {
  const location = draft.external.get('location');
  const offset = Number(draft.external.get('offset') ?? 0);
  const stated = draft.external.get('length');
  const length = stated === undefined ? undefined : Number(stated);
  const isCount = (count: number) => Number.isSafeInteger(count) && count >= 0;
  if (!location || !isCount(offset) || (length !== undefined && !isCount(length))) {
    const found = JSON.stringify(Object.fromEntries(draft.external));
    throw file.broken(message.start, `external data of ${draft.name} at ${found}`);
  }
  return { location, offset, ...(length !== undefined && { length }) };
}

/** The one element of a float32 or float16 tensor that lies in the ONNX file. */
async function readScalar(
  file: ProtobufFile,
  { type, dims, raw, floats }: Draft,
): Promise<number | undefined> {
  const data = raw ?? (type === FLOAT32 ? floats : undefined);
  if (!data || dims.some((dim) => dim !== 1)) return undefined;
  const length = data.end - data.start;
  if (type === FLOAT32 && length === 4) return (await file.bytes(data.start, 4)).readFloatLE(0);
  if (type === FLOAT16 && length === 2)
    return halfToNumber((await file.bytes(data.start, 2)).readUInt16LE(0));
  return undefined;
}

function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
