import { ClipError } from '../../../errors.ts';
import type { Tensor } from '../../../service/item.ts';
import type { Shaped } from '../../../service/shape.ts';
import type { Encoded } from '../document.ts';
import { type ElementType, elements, parseElementType, pictureElements } from './element-type.ts';
import { DENSE, ND_ARRAY } from './fields.ts';
import { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** NumPy's own bound is 64. */
const MOST_AXES = 64;
/** What docarray calls arrays that it should give back as NumPy's. */
const NUMPY = 'numpy';

interface Dense {
  buffer: Uint8Array | undefined;
  shape: number[];
  dtype: string;
}

/**
 * An array as a picture: integers are already cast to uint8. Whose array it is (`cls_name`) makes no difference. Undefined
 * where there is none, as the reference reads it.
 *
 * @throws ClipError invalid_tensor where it is sparse, has no dtype of numbers, or more or less bytes than its shape says
 */
export function pictureOf(array: Encoded): Tensor | undefined {
  return readArray(array, pictureElements);
}

/** An array with its numbers as they are; otherwise as `pictureOf`. @throws ClipError invalid_tensor */
export function numbersOf(array: Encoded): Tensor | undefined {
  return readArray(array, elements);
}

function readArray(
  { bytes }: Encoded,
  convert: (type: ElementType, buffer: Uint8Array) => Tensor['data'],
): Tensor | undefined {
  const dense = readDense(bytes);
  if (dense === undefined) return undefined;
  const { buffer = new Uint8Array(0), shape, dtype } = dense;
  if (buffer.length === 0 && shape.length === 0) return undefined;
  const type = parseElementType(dtype);
  if (!type)
    throw invalid(
      `expected a dtype of numbers such as |u1 or <f4, got ${JSON.stringify(dtype.slice(0, 40))}`,
    );
  if (shape.length > MOST_AXES) throw invalid(`expected at most ${MOST_AXES} axes, got more`);
  const expected = shape.reduce((product, length) => product * length, type.size);
  if (expected !== buffer.length)
    throw invalid(
      `expected ${expected} bytes for the shape [${shape.join(', ')}] of ${dtype}, got ${buffer.length}`,
    );
  return { shape, data: convert(type, buffer) };
}

/** Of dense and sparse the last counts. */
function readDense(bytes: Uint8Array): Dense | undefined {
  // How deep it is was checked when it came.
  const reader = new Reader(bytes, Infinity);
  let dense: Dense | 'sparse' | undefined;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === ND_ARRAY.dense) {
      if (typeof dense !== 'object') dense = { buffer: undefined, shape: [], dtype: '' };
      readDenseFields(reader, dense);
    } else {
      reader.skip(tag);
      if (tag === ND_ARRAY.sparse) dense = 'sparse';
    }
  }
  if (dense === 'sparse') throw invalid('expected a dense array, got a sparse one');
  return dense;
}

function readDenseFields(reader: Reader, into: Dense): void {
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === DENSE.buffer) into.buffer = reader.bytes();
    else if (tag === DENSE.shape || tag === DENSE.shapeUnpacked)
      reader.uint32s(tag, into.shape, MOST_AXES + 1);
    else if (tag === DENSE.dtype) into.dtype = reader.string();
    else reader.skip(tag);
  }
  reader.leave(outer);
}

/** float32 [D], a vector of another form, or any shape, row-major, as NumPy's. Bytes need no base64 here. */
export function writeArray(out: Writer, tag: number, array: Float32Array | Shaped | Tensor): void {
  const data = 'data' in array ? array.data : array;
  const shape = 'shape' in array ? array.shape : [data.length];
  const opened = out.open(tag);
  const dense = out.open(ND_ARRAY.dense);
  out.bytes(DENSE.buffer, data);
  out.uint32s(DENSE.shape, shape);
  out.string(DENSE.dtype, dtypeOf(data));
  out.close(dense);
  out.string(ND_ARRAY.clsName, NUMPY);
  out.close(opened);
}

/** uint16 are the bits of half floats. */
function dtypeOf(data: (Shaped | Tensor)['data']): string {
  if (data instanceof Float32Array) return '<f4';
  if (data instanceof Float64Array) return '<f8';
  if (data instanceof Int32Array) return '<i4';
  if (data instanceof Uint16Array) return '<f2';
  return data instanceof Int8Array ? '|i1' : '|u1';
}

function invalid(message: string): ClipError {
  return new ClipError('invalid_tensor', message);
}
