import { halfToNumber } from '../../../float16.ts';

/** What a NumPy dtype says of an array of numbers. */
export interface ElementType {
  readonly kind: 'bool' | 'int' | 'uint' | 'float';
  /** Bytes. */
  readonly size: number;
  readonly littleEndian: boolean;
}

const KINDS = { b: 'bool', i: 'int', u: 'uint', f: 'float' } as const;
/** `dtype.str`, as docarray writes it: byte order, kind, bytes. */
const SHORT = /^([<>=|]?)(b1|[iu][1248]|f[248])$/;
/** `dtype.name`: kind, bits. */
const LONG = /^(?:(bool)|(u?int)(8|16|32|64)|(float)(16|32|64))$/;

/** Undefined for what is no number of a computer: complex, text, objects, times. */
export function parseElementType(dtype: string): ElementType | undefined {
  const short = SHORT.exec(dtype);
  if (short)
    return {
      kind: KINDS[short[2]![0] as keyof typeof KINDS],
      size: Number(short[2]![1]),
      littleEndian: short[1] !== '>',
    };
  const long = LONG.exec(dtype);
  if (!long) return undefined;
  const kind = (long[1] ?? long[2] ?? long[4]) as ElementType['kind'];
  return { kind, size: Number(long[3] ?? long[5] ?? 8) / 8, littleEndian: true };
}

/**
 * The array's numbers, cast to uint8 where they are integers, as a picture of them is: NumPy's cast keeps an integer's lowest
 * byte. Where it can, a view of `buffer`.
 */
export function pictureElements(
  type: ElementType,
  buffer: Uint8Array,
): Uint8Array | Float32Array | Float64Array {
  const { kind, size, littleEndian } = type;
  if (kind === 'float') return floats(type, buffer);
  if (kind === 'bool') return buffer.every((byte) => byte <= 1) ? buffer : buffer.map(Math.sign);
  if (size === 1) return buffer;
  const lowest = new Uint8Array(buffer.length / size);
  for (let i = 0, at = littleEndian ? 0 : size - 1; i < lowest.length; i += 1, at += size)
    lowest[i] = buffer[at]!;
  return lowest;
}

/** The array's numbers in the smallest type of JavaScript that holds them; beyond 2^53, the nearest double. */
export function elements(
  type: ElementType,
  buffer: Uint8Array,
): Uint8Array | Int32Array | Float32Array | Float64Array {
  const { kind, size } = type;
  if (kind === 'float') return floats(type, buffer);
  if (kind === 'bool' || (kind === 'uint' && size === 1)) return pictureElements(type, buffer);
  const narrow = size < 4 || (size === 4 && kind === 'int');
  const count = buffer.length / size;
  return fill(narrow ? new Int32Array(count) : new Float64Array(count), type, buffer);
}

function floats(type: ElementType, buffer: Uint8Array): Float32Array | Float64Array {
  const count = buffer.length / type.size;
  if (type.size === 2 || !type.littleEndian)
    return fill(type.size === 8 ? new Float64Array(count) : new Float32Array(count), type, buffer);
  const { buffer: memory, byteOffset } = byteAligned(buffer, type.size);
  return type.size === 8
    ? new Float64Array(memory, byteOffset, count)
    : new Float32Array(memory, byteOffset, count);
}

/** The same bytes, where they are or copied to where numbers of that size may lie. */
function byteAligned(buffer: Uint8Array, size: number): Uint8Array {
  return buffer.byteOffset % size === 0 ? buffer : new Uint8Array(buffer);
}

function fill<T extends Int32Array | Float32Array | Float64Array>(
  numbers: T,
  { kind, size, littleEndian }: ElementType,
  buffer: Uint8Array,
): T {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const read = READ[`${kind}${size}`]!;
  for (let i = 0; i < numbers.length; i += 1) numbers[i] = read(view, i * size, littleEndian);
  return numbers;
}

const READ: Readonly<Record<string, (view: DataView, at: number, little: boolean) => number>> = {
  int1: (view, at) => view.getInt8(at),
  int2: (view, at, little) => view.getInt16(at, little),
  int4: (view, at, little) => view.getInt32(at, little),
  int8: (view, at, little) => Number(view.getBigInt64(at, little)),
  uint2: (view, at, little) => view.getUint16(at, little),
  uint4: (view, at, little) => view.getUint32(at, little),
  uint8: (view, at, little) => Number(view.getBigUint64(at, little)),
  float2: (view, at, little) => halfToNumber(view.getUint16(at, little)),
  float4: (view, at, little) => view.getFloat32(at, little),
  float8: (view, at, little) => view.getFloat64(at, little),
};
