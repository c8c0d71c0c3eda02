import { ClipError } from '../../errors.ts';
import { jsonDouble } from './write-json.ts';

/**
 * Prints float32 vectors as JSON, each component as the shortest double that equals it: the same characters as
 * `String(component)` gives, at a quarter of its cost, which is most of the cost of an answer.
 *
 * A float32 has 24 significant bits, so between 0.0001 and 100 its first 17 decimal digits come out of two
 * multiplications by a power of ten in which doubles are exact: 9 digits, then 8 more and the remainder. The shortest
 * form is what is left after rounding them as far as the double's rounding interval allows. All that needs more
 * thought (a few in a hundred) is left to the engine.
 */

/** Power of ten of the first digit. */
const LEAST_POWER = -4;
const MOST_POWER = 1;
const POWERS = Array.from({ length: MOST_POWER - LEAST_POWER + 1 }, (_, i) => LEAST_POWER + i);
/** What moves the first 9 digits before the point. */
const SCALE = Float64Array.from(POWERS, (power) => Number(`1e${8 - power}`));
/** Half of the distance to the next double, in units of the 17th digit, by power of ten and biased exponent. */
const MARGIN = Float64Array.from(
  { length: POWERS.length * 256 },
  (_, i) => 2 ** ((i & 255) - 127 - 53) * Number(`1e${16 - POWERS[i >> 8]!}`),
);
const EXPONENT = 0x7f800000;
const FRACTION = 0x007fffff;
/** `-0.000`, 17 digits, and a comma; or what the engine writes, which is no longer than this either. */
const MOST_BYTES = 32;
const [COMMA, POINT, MINUS, ZERO] = [0x2c, 0x2e, 0x2d, 0x30];
/** The four digits of each number below 10,000. */
const DIGITS = Uint8Array.from({ length: 40_000 }, (_, i) =>
  String(i >> 2)
    .padStart(4, '0')
    .charCodeAt(i & 3),
);

let buffer = Buffer.allocUnsafe(0);

/**
 * @param vector float32 [D]
 * @throws ClipError bad_vector for NaN or infinity: JSON has no word for them
 */
export function jsonVector(vector: Float32Array): string {
  const { length } = vector;
  if (length === 0) return '[]';
  if (buffer.length < length * MOST_BYTES) buffer = Buffer.allocUnsafeSlow(length * MOST_BYTES);
  const out = buffer;
  const bits = new Uint32Array(vector.buffer, vector.byteOffset, length);
  let end = 0;
  for (let i = 0; i < length; i += 1) {
    const after = write(out, vector[i]!, bits[i]!, end);
    end = after < 0 ? writeSlowly(out, vector[i]!, end) : after;
    out[end++] = COMMA;
  }
  return `[${out.toString('latin1', 0, end - 1)}]`;
}

function writeSlowly(out: Buffer, value: number, start: number): number {
  if (!Number.isFinite(value)) throw new ClipError('bad_vector', `expected finite components, got ${value}`);
  return start + out.write(jsonDouble(value), start, 'latin1');
}

function powerOf(size: number): number {
  if (size >= 1) return size >= 10 ? (size >= 100 ? MOST_POWER + 1 : 1) : 0;
  if (size >= 0.01) return size >= 0.1 ? -1 : -2;
  return size >= 0.001 ? -3 : size >= 0.0001 ? -4 : LEAST_POWER - 1;
}

/** Index after the last byte; −1, with nothing written, where it takes the engine. */
function write(out: Buffer, value: number, bits: number, start: number): number {
  const size = Math.abs(value);
  const power = powerOf(size);
  // Below a power of two the doubles are denser than above it.
  if (!(power >= LEAST_POWER && power <= MOST_POWER) || (bits & FRACTION) === 0) return -1;
  const row = power - LEAST_POWER;
  const scaled = size * SCALE[row]!;
  let high = scaled | 0;
  const rest = (scaled - high) * 1e8;
  const low = rest | 0;
  const margin = MARGIN[(row << 8) | ((bits & EXPONENT) >>> 23)]!;
  const rounded = round(low, rest - low, margin);
  if (rounded < 0) return -1;
  const dropped = rounded & 3;
  let lower = rounded >> 2;
  if (lower === 1e8) {
    lower = 0;
    high += 1;
    if (high === 1e9) return -1;
  }
  if (value >= 0) return place(out, high, lower, power, dropped, start);
  out[start] = MINUS;
  return place(out, high, lower, power, dropped, start + 1);
}

/**
 * The last 8 of 17 digits after rounding to as few as the margin allows, times 4, plus how many are dropped of them; −1
 * where that is more than two, and for ties. (One number, because an object for each would cost as much as the rest.)
 */
function round(low: number, remainder: number, margin: number): number {
  const one = low % 10;
  const over = one + remainder;
  if (over > margin && 10 - over > margin)
    return remainder === 0.5 ? -1 : (low + (remainder > 0.5 ? 1 : 0)) << 2;
  const two = low % 100;
  const over2 = two + remainder;
  if (over2 > margin && 100 - over2 > margin)
    return over === 5 ? -1 : ((low - one + (over > 5 ? 10 : 0)) << 2) | 1;
  const over3 = (low % 1000) + remainder;
  if (over3 <= margin || 1000 - over3 <= margin || over2 === 50) return -1;
  return ((low - two + (over2 > 50 ? 100 : 0)) << 2) | 2;
}

function place(
  out: Buffer,
  high: number,
  low: number,
  power: number,
  dropped: number,
  start: number,
): number {
  let at = start;
  if (power < 0) {
    out[at++] = ZERO;
    out[at++] = POINT;
    for (let i = power; i < -1; i += 1) out[at++] = ZERO;
  }
  // A point among the digits takes the place that is left free before them.
  const digits = power < 0 ? at : at + 1;
  const first = (high / 1e8) | 0;
  const eight = high - first * 1e8;
  const two = (eight / 1e4) | 0;
  const three = (low / 1e4) | 0;
  out[digits] = ZERO + first;
  four(out, two, digits + 1);
  four(out, eight - two * 1e4, digits + 5);
  four(out, three, digits + 9);
  four(out, low - three * 1e4, digits + 13);
  for (; at < digits + power; at += 1) out[at] = out[at + 1]!;
  if (power >= 0) out[at] = POINT;
  return digits + 17 - dropped;
}

function four(out: Buffer, number: number, at: number): void {
  const from = number * 4;
  out[at] = DIGITS[from]!;
  out[at + 1] = DIGITS[from + 1]!;
  out[at + 2] = DIGITS[from + 2]!;
  out[at + 3] = DIGITS[from + 3]!;
}
