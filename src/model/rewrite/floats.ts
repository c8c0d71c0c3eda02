import { writeBfloats, writeHalves } from '../../float16.ts';
import type { Weight } from '../architecture/architecture.ts';

/** Element type of a value that is computed with. */
export type FloatType = Weight['type'];

export function floatBytes(type: FloatType): number {
  return type === 'float32' ? 4 : 2;
}

/** Little-endian elements, rounded to nearest even. What passes the range of `type` becomes infinite. */
export function encodeFloats(values: Float32Array, type: FloatType): Uint8Array {
  if (type === 'float32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint16Array(values.length);
  if (type === 'float16') writeHalves(values, bits, 0);
  else writeBfloats(values, bits, 0);
  return new Uint8Array(bits.buffer);
}

/** Index of the first element that `type` cannot hold as a finite number, else −1. */
export function firstBeyond(values: Float32Array, type: FloatType): number {
  // Below these, halfway to the next step, numbers are still rounded down to the largest.
  const limit = type === 'float16' ? 65_520 : type === 'bfloat16' ? 3.3961775292304601e38 : Infinity;
  return values.findIndex((value) => !(Math.abs(value) < limit));
}
