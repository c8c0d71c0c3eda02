const bits = new Uint32Array(1);
const value = new Float32Array(bits.buffer);

/** float32 → IEEE 754 half bits, rounded to nearest even; beyond 65504 becomes infinity. Node 20 has no Float16Array. */
export function writeHalves(from: Float32Array, to: Uint16Array, offset: number): void {
  for (let i = 0; i < from.length; i++) to[offset + i] = half(from[i]!);
}

/** float32 → bfloat16 bits, rounded to nearest even; beyond the range becomes infinity. */
export function writeBfloats(from: Float32Array, to: Uint16Array, offset: number): void {
  for (let i = 0; i < from.length; i++) to[offset + i] = bfloat(from[i]!);
}

/** Half bits → float32, exact. */
export function readHalves(from: Uint16Array): Float32Array {
  const to = new Float32Array(from.length);
  for (let i = 0; i < from.length; i++) to[i] = halfToNumber(from[i]!);
  return to;
}

function half(x: number): number {
  value[0] = x;
  const b = bits[0]!;
  const sign = (b >>> 16) & 0x8000;
  const exponent = ((b >>> 23) & 0xff) - 112;
  const mantissa = b & 0x7fffff;
  if (exponent === 143) return sign | 0x7c00 | (mantissa === 0 ? 0 : 0x200);
  if (exponent >= 31) return sign | 0x7c00;
  if (exponent > 0) return sign | rounded((exponent << 23) | mantissa, 13);
  // Below 2^-14 the leading 1 becomes explicit; below 2^-25 nothing is left.
  return exponent < -10 ? sign : sign | rounded(mantissa | 0x800000, 14 - exponent);
}

function bfloat(x: number): number {
  value[0] = x;
  const b = bits[0]!;
  const isNotANumber = (b & 0x7fffffff) > 0x7f800000;
  return isNotANumber ? (b >>> 16) | 0x40 : rounded(b, 16) & 0xffff;
}

/** Drops `shift` bits; a carry runs into the exponent, which is then right too. */
function rounded(x: number, shift: number): number {
  const kept = x >>> shift;
  const dropped = x & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  return dropped > middle || (dropped === middle && (kept & 1) === 1) ? kept + 1 : kept;
}

/** Half bits (a sign, five of exponent, ten of fraction) → number, exact. */
export function halfToNumber(h: number): number {
  const sign = h & 0x8000 ? -1 : 1;
  const exponent = (h >>> 10) & 31;
  const mantissa = h & 0x3ff;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/** bfloat16 bits → number, exact. */
export function bfloatToNumber(b: number): number {
  bits[0] = b << 16;
  return value[0]!;
}
