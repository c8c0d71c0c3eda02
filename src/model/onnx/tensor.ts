import { elementBytes, elementCount, elementName } from './elements.ts';
import { broken, type Message } from './protobuf.ts';
import { KEPT_PAYLOAD_BYTES } from './structure.ts';
import type { OnnxTensor, Span } from './types.ts';
import { unpackVarints } from './varints.ts';

/** `TensorProto`'s fields that hold elements; raw_data counts before the others. */
const FLOATS = 4;
const RAW = 9;
const DOUBLES = 10;
const ELEMENT_FIELDS = new Set([FLOATS, 5, 7, RAW, DOUBLES, 11]);

/** What a TensorProto said, as far as it was read. */
interface Draft {
  name: string;
  type: number;
  readonly dims: number[];
  elementField: number;
  /** Of the elements; several where the writer left them unpacked. */
  readonly pieces: Span[];
  /** Of `pieces`, where they were kept. */
  readonly kept: Buffer[];
  readonly external: Map<string, string>;
  isExternal: boolean;
}

type Elements = Pick<OnnxTensor, 'data' | 'raw' | 'varints' | 'external'>;

/** Reads a TensorProto. Elements that take more than 64 KiB are left where they are. */
export function readTensor(message: Message): OnnxTensor {
  const start = message.position;
  const draft: Draft = {
    name: '',
    type: 0,
    dims: [],
    elementField: 0,
    pieces: [],
    kept: [],
    external: new Map(),
    isExternal: false,
  };
  while (message.next()) readField(message, draft);
  const { name, dims, isExternal } = draft;
  const bytes = elementBytes(draft.type, dims);
  if (dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0) || !Number.isSafeInteger(bytes)) {
    throw broken(
      message.source,
      start,
      `the shape [${dims.slice(0, 9).join(', ')}] of ${name || 'a tensor'}`,
    );
  }
  const type = elementName(draft.type);
  const elements: Elements = isExternal
    ? { external: readLocation(message, start, draft) }
    : readElements(message, draft);
  const found = elements.raw && elements.raw.end - elements.raw.start;
  if (type !== 'string' && (found ?? elements.data?.length ?? bytes) !== bytes) {
    const given = found ?? elements.data?.length;
    throw broken(message.source, start, `${given} bytes of elements of ${name}: ${type}[${dims.join(', ')}]`);
  }
  if (elements.varints && elementCount(dims) > elements.varints.end - elements.varints.start) {
    throw broken(message.source, start, `too few integers for ${name}: ${type}[${dims.join(', ')}]`);
  }
  return { name, type, dims, bytes, ...elements };
}

function readField(message: Message, draft: Draft): void {
  const { number } = message;
  if (number === 1) message.integers(draft.dims);
  else if (number === 2) draft.type = message.value;
  else if (number === 8) draft.name = message.text();
  else if (number === 13) draft.external.set(...readPair(message.inner()));
  else if (number === 14) draft.isExternal = message.value === 1;
  else if (number === RAW || (ELEMENT_FIELDS.has(number) && draft.elementField !== RAW)) {
    readPiece(message, draft);
  }
}

function readPiece(message: Message, draft: Draft): void {
  const { number, start, end } = message;
  // Of several raw_data the last counts, as protobuf has it for a field that is not repeated.
  if (number !== draft.elementField || number === RAW) {
    draft.elementField = number;
    draft.pieces.length = 0;
    draft.kept.length = 0;
  }
  draft.pieces.push({ start, end });
  if (end - start <= KEPT_PAYLOAD_BYTES) draft.kept.push(message.payload(KEPT_PAYLOAD_BYTES));
  if (draft.pieces.length > KEPT_PAYLOAD_BYTES) {
    throw broken(message.source, start, `more than ${KEPT_PAYLOAD_BYTES} pieces of one tensor`);
  }
}

/** A StringStringEntryProto. */
export function readPair(message: Message): [string, string] {
  let key = '';
  let value = '';
  while (message.next()) {
    if (message.number === 1) key = message.text();
    else if (message.number === 2) value = message.text();
  }
  return [key, value];
}

function readLocation(message: Message, start: number, draft: Draft): NonNullable<OnnxTensor['external']> {
  const location = draft.external.get('location');
  const offset = Number(draft.external.get('offset') ?? 0);
  const stated = draft.external.get('length');
  const length = stated === undefined ? undefined : Number(stated);
  const isCount = (count: number) => Number.isSafeInteger(count) && count >= 0;
  if (!location || !isCount(offset) || (length !== undefined && !isCount(length))) {
    const found = JSON.stringify(Object.fromEntries(draft.external));
    throw broken(message.source, start, `external data of ${draft.name} at ${found}`);
  }
  return { location, offset, ...(length !== undefined && { length }) };
}

function readElements(message: Message, draft: Draft): Elements {
  const { elementField, pieces, kept } = draft;
  const [only] = pieces;
  if (!only) return {};
  const isPlain = elementField === RAW || elementField === FLOATS || elementField === DOUBLES;
  if (pieces.length === 1 && kept.length === 0) return isPlain ? { raw: only } : { varints: only };
  const bytes = kept.length === 1 ? kept[0]! : Buffer.concat(kept);
  if (kept.length < pieces.length || bytes.length > KEPT_PAYLOAD_BYTES) {
    throw broken(message.source, only.start, `elements of ${draft.name} in ${pieces.length} pieces`);
  }
  if (isPlain) return { data: bytes, ...(pieces.length === 1 && { raw: only }) };
  const count = elementBytes(draft.type, draft.dims);
  return { data: unpackVarints(bytes, elementName(draft.type), count) };
}
