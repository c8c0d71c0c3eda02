import { setImmediate as nextTurn } from 'node:timers/promises';
import { ClipError } from '../errors.ts';
import { writeHalves } from '../float16.ts';
import type { EmbeddingType, OutputForm } from './form.ts';
import type { Outcome } from './item.ts';

/** A vector in the form that was asked for. */
export interface Shaped {
  readonly type: EmbeddingType;
  /** float16: IEEE 754 half bits. binary, ubinary: one number for eight components. */
  readonly data: Float32Array | Uint16Array | Int8Array | Uint8Array;
  /** As in the form. */
  readonly base64: boolean;
}

export type ShapedOutcome = { readonly vector: Shaped } | Extract<Outcome, { readonly error: ClipError }>;

/** Shaping holds the event loop for no longer than this. */
const SLICE_MS = 1;
/** What int8 1 stands for is 1 ⁄ 127: of a vector of length 1 no component is beyond ±127. */
const INT8_SCALE = 127;
/** What uint8 and binary have their zero at. */
const OFFSET = 128;
/** From here on, half precision rounds to infinity. */
const HALF_BOUND = 65520;

/**
 * A vector of an engine, float32 [D], in a form. In NumPy, where `v` is what is kept of the vector and, where it is
 * normalised, `u = (v.astype('f8') / np.linalg.norm(v.astype('f8'))).astype('f4')`:
 *
 * - float16: `u.astype('<f2')`
 * - int8: `np.rint(u * 127).astype('i1')`, one scale for every vector, so that products of vectors compare
 * - uint8: the same + 128
 * - ubinary: `np.packbits(v > 0)`, the first component in the highest bit, the last byte filled with 0
 * - binary: the same − 128, as int8
 *
 * @returns data that is the vector itself where nothing is changed
 * @throws ClipError form_failed where nothing but zeros is to be normalised, or float16 cannot hold a component
 */
export function shape(vector: Float32Array, form: OutputForm): Shaped {
  const { type, dimensions = vector.length, normalise, base64 } = form;
  const kept = dimensions < vector.length ? vector.subarray(0, dimensions) : vector;
  return { type, base64, data: convert(normalise ? normalised(kept) : kept, type) };
}

/** Each outcome for itself: a vector that cannot take the form is an error. */
export async function shapeOutcomes(
  outcomes: readonly Outcome[],
  form: OutputForm,
): Promise<ShapedOutcome[]> {
  const shaped: ShapedOutcome[] = [];
  let sliceBegan = performance.now();
  for (const outcome of outcomes) {
    shaped.push('error' in outcome ? outcome : shapeOutcome(outcome.vector, form));
    if (performance.now() - sliceBegan < SLICE_MS) continue;
    await nextTurn();
    sliceBegan = performance.now();
  }
  return shaped;
}

function shapeOutcome(vector: Float32Array, form: OutputForm): ShapedOutcome {
  try {
    return { vector: shape(vector, form) };
  } catch (error) {
    return { error: ClipError.from(error) };
  }
}

/** Standard base64 of the numbers' bytes, little-endian. */
export function toBase64({ data }: Shaped): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
}

function normalised(vector: Float32Array): Float32Array {
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += vector[i]! * vector[i]!;
  const length = Math.sqrt(squares);
  if (!(length > 0 && length < Number.POSITIVE_INFINITY))
    throw new ClipError(
      'form_failed',
      `expected a vector that can be normalised, got ${vector.length} components of length ${length}`,
    );
  const unit = new Float32Array(vector.length);
  for (let i = 0; i < vector.length; i++) unit[i] = vector[i]! / length;
  return unit;
}

function convert(vector: Float32Array, type: EmbeddingType): Shaped['data'] {
  if (type === 'float32') return vector;
  if (type === 'float16') return halves(vector);
  if (type === 'int8') return scaled(vector, new Int8Array(vector.length), 0);
  if (type === 'uint8') return scaled(vector, new Uint8Array(vector.length), OFFSET);
  const bytes = Math.ceil(vector.length / 8);
  return type === 'ubinary'
    ? packed(vector, new Uint8Array(bytes), 0)
    : packed(vector, new Int8Array(bytes), OFFSET);
}

function halves(vector: Float32Array): Uint16Array {
  const to = new Uint16Array(vector.length);
  for (let i = 0; i < vector.length; i++) {
    if (!(Math.abs(vector[i]!) < HALF_BOUND))
      throw new ClipError(
        'form_failed',
        `expected components below ${HALF_BOUND} for float16, got ${vector[i]} at ${i}`,
      );
  }
  writeHalves(vector, to, 0);
  return to;
}

/** Rounded to the nearest, halves to the even one; a product is float32, as NumPy's is. */
function scaled<T extends Int8Array | Uint8Array>(vector: Float32Array, to: T, offset: number): T {
  for (let i = 0; i < vector.length; i++) {
    const product = Math.fround(vector[i]! * INT8_SCALE);
    const near = Math.round(product);
    const even = near - product === 0.5 && (near & 1) === 1 ? near - 1 : near;
    to[i] = even + offset;
  }
  return to;
}

function packed<T extends Int8Array | Uint8Array>(vector: Float32Array, to: T, offset: number): T {
  for (let byte = 0; byte < to.length; byte++) {
    let bits = 0;
    const first = byte * 8;
    const end = Math.min(vector.length, first + 8);
    for (let i = first; i < end; i++) if (vector[i]! > 0) bits |= 0x80 >> (i - first);
    to[byte] = bits - offset;
  }
  return to;
}
