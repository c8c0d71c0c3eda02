import { bfloatToNumber, halfToNumber } from '../../float16.ts';
import type { OnnxTensor } from './types.ts';

/** ONNX's element types by number (`TensorProto.DataType`), with the bits that one element takes. */
const ELEMENTS: Readonly<Record<number, readonly [name: string, bits: number]>> = {
  1: ['float32', 32],
  2: ['uint8', 8],
  3: ['int8', 8],
  4: ['uint16', 16],
  5: ['int16', 16],
  6: ['int32', 32],
  7: ['int64', 64],
  8: ['string', 0],
  9: ['bool', 8],
  10: ['float16', 16],
  11: ['float64', 64],
  12: ['uint32', 32],
  13: ['uint64', 64],
  14: ['complex64', 64],
  15: ['complex128', 128],
  16: ['bfloat16', 16],
  17: ['float8e4m3fn', 8],
  18: ['float8e4m3fnuz', 8],
  19: ['float8e5m2', 8],
  20: ['float8e5m2fnuz', 8],
  21: ['uint4', 4],
  22: ['int4', 4],
  23: ['float4e2m1', 4],
};

export function elementName(type: number): string {
  return ELEMENTS[type]?.[0] ?? `type ${type}`;
}

/** The number of a type that `elementName` knows. */
export function elementNumber(name: string): number {
  const found = Object.entries(ELEMENTS).find(([, [known]]) => known === name);
  if (!found) throw new RangeError(`no element type is called ${name}`);
  return Number(found[0]);
}

/** Bytes of a tensor's elements; 0 for an unknown type. */
export function elementBytes(type: number, dims: readonly number[]): number {
  return Math.ceil((elementCount(dims) * (ELEMENTS[type]?.[1] ?? 0)) / 8);
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

type Reader = readonly [width: number, read: (view: DataView, at: number) => number];

/** How one little-endian element becomes a number. 64-bit integers become the nearest float64. */
const READERS: Readonly<Record<string, Reader>> = {
  float32: [4, (view, at) => view.getFloat32(at, true)],
  float64: [8, (view, at) => view.getFloat64(at, true)],
  float16: [2, (view, at) => halfToNumber(view.getUint16(at, true))],
  bfloat16: [2, (view, at) => bfloatToNumber(view.getUint16(at, true))],
  int8: [1, (view, at) => view.getInt8(at)],
  uint8: [1, (view, at) => view.getUint8(at)],
  int16: [2, (view, at) => view.getInt16(at, true)],
  uint16: [2, (view, at) => view.getUint16(at, true)],
  int32: [4, (view, at) => view.getInt32(at, true)],
  uint32: [4, (view, at) => view.getUint32(at, true)],
  int64: [8, (view, at) => Number(view.getBigInt64(at, true))],
  uint64: [8, (view, at) => Number(view.getBigUint64(at, true))],
  bool: [1, (view, at) => (view.getUint8(at) ? 1 : 0)],
};

/** Whether elements of the type are numbers that `decodeElements` takes. */
export function isNumeric(type: string): boolean {
  return Object.hasOwn(READERS, type);
}

/** Writes the elements as numbers to `to`, as many as it takes; false for a type that is not of plain numbers. */
export function decodeElements(type: string, data: Uint8Array, to: Float32Array | Float64Array): boolean {
  const reader = READERS[type];
  if (!reader) return false;
  const [width, read] = reader;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let i = 0; i < to.length; i++) to[i] = read(view, i * width);
  return true;
}

/** The one element of a tensor of numbers that lies in the ONNX file. */
export function scalarOf({ type, dims, data }: OnnxTensor): number | undefined {
  const value = new Float64Array(1);
  const isOne = data !== undefined && dims.every((dim) => dim === 1);
  return isOne && decodeElements(type, data, value) ? value[0] : undefined;
}

const word = new Uint32Array(1);
const wordAsFloat = new Float32Array(word.buffer);

/** Significant bits after the first, and the least exponent of a normal number. */
const NARROW: Readonly<Record<string, readonly [bits: number, least: number, largest: number]>> = {
  float16: [10, -14, 65504],
  bfloat16: [7, -126, 2 ** 127 * (2 - 2 ** -7)],
};

/** Rounds every value to the nearest of a 16-bit type, ties to even; leaves values of the other types. */
export function roundElements(type: string, values: Float32Array | Float64Array): void {
  const narrow = NARROW[type];
  if (!narrow) return;
  const [bits, least, largest] = narrow;
  for (let i = 0; i < values.length; i++) {
    wordAsFloat[0] = values[i]!;
    const exponent = Math.max(((word[0]! >>> 23) & 0xff) - 127, least);
    const step = 2 ** (exponent - bits);
    const steps = values[i]! / step;
    const floor = Math.floor(steps);
    const above = steps - floor;
    const nearest = above > 0.5 || (above === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
    const rounded = nearest * step;
    values[i] = Math.abs(rounded) > largest ? Math.sign(rounded) * Number.POSITIVE_INFINITY : rounded;
  }
}
