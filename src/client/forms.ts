import { readHalves, writeHalves } from '../float16.ts';
import { Encoded, type JsonObject } from '../protocol/jina/document.ts';
import { ClipClientError } from './error.ts';
import { whole } from './options.ts';
import type { AnsweredDocument } from './transport.ts';

/** Types of a vector's numbers as the server names them, and as what they come. */
export interface Vectors {
  readonly float32: Float32Array;
  /** Rounded to half precision, and widened again. */
  readonly float16: Float32Array;
  /** The vector of length 1, times 127, rounded. */
  readonly int8: Int8Array;
  /** The same + 128. */
  readonly uint8: Uint8Array;
  /** Eight components to a number, 1 where above 0, the first in the highest bit; − 128. */
  readonly binary: Int8Array;
  /** The same as it is. */
  readonly ubinary: Uint8Array;
}

export type VectorType = keyof Vectors;

/** The form in which vectors are wanted; a clip-server of this project gives them so, the Python server does not. */
export interface FormOptions<T extends VectorType = 'float32'> {
  /** Default float32. */
  readonly type?: T;
  /** Components that are kept, from the first on. They are brought to length 1 unless `normalize` is false. */
  readonly dimensions?: number;
  /** Vectors of length 1. Default: only where they are cut, or of int8 or uint8. */
  readonly normalize?: boolean;
}

const TYPES: Readonly<Record<VectorType, readonly [least: number, most: number] | undefined>> = {
  float32: undefined,
  float16: undefined,
  int8: [-127, 127],
  uint8: [1, 255],
  binary: [-128, 127],
  ubinary: [0, 255],
};
/** Parameters that would change what an answer holds, unknown to the one who reads it. */
const RESERVED = ['embedding_type', 'encoding_format'];
/** A length of 1, in half precision too. */
const LENGTH_TOLERANCE = 2e-3;

export const VECTOR_TYPES = Object.keys(TYPES) as VectorType[];

/** The server's parameters for a form. @throws ClipClientError invalid_input */
export function formParameters(
  { type, dimensions, normalize }: FormOptions<VectorType>,
  others: JsonObject = {},
): JsonObject {
  if (type !== undefined && !Object.hasOwn(TYPES, type))
    throw wrong(`type: expected one of ${VECTOR_TYPES.join(', ')}, got ${String(type)}`);
  const reserved = RESERVED.find((name) => Object.hasOwn(others, name));
  if (reserved)
    throw wrong(`parameters.${reserved}: expected none, for the option type says how to read an answer`);
  return {
    ...(type !== undefined && type !== 'float32' && { embedding_type: type }),
    ...(dimensions !== undefined && { dimensions: whole('dimensions', dimensions, 1) }),
    ...(normalize !== undefined && { normalize }),
  };
}

/**
 * The document's vector in memory of its own.
 *
 * @throws ClipClientError of the document; bad_answer without a vector, or with one that cannot be right, or is not of the form
 * asked for
 */
export function vectorOf<T extends VectorType>(document: AnsweredDocument, form: FormOptions<T>): Vectors[T];
export function vectorOf(document: AnsweredDocument, form: FormOptions<VectorType>): Vectors[VectorType] {
  const { id } = document;
  const { type = 'float32', dimensions } = form;
  const numbers = numbersOf(document);
  const packed = type === 'binary' || type === 'ubinary';
  const expected = dimensions && (packed ? Math.ceil(dimensions / 8) : dimensions);
  if (expected !== undefined && numbers.length !== expected)
    throw unlike(id, `${expected} numbers for ${dimensions} dimensions`, String(numbers.length));
  const range = TYPES[type];
  return range ? integers(id, type, numbers, range) : floats(id, form, numbers);
}

function numbersOf({ id, embedding, error }: AnsweredDocument): ArrayLike<number> {
  if (error) throw error;
  if (!embedding || embedding instanceof Encoded)
    throw bad(`expected a vector for the document ${id}, got none`);
  if (embedding instanceof Float32Array) return embedding;
  const shape = 'shape' in embedding ? embedding.shape : [embedding.data.length];
  if (shape.length !== 1 || shape[0] === 0)
    throw bad(`expected a vector of one axis for the document ${id}, got the shape [${shape.join(', ')}]`);
  return embedding.data;
}

function floats(
  id: string,
  { type, dimensions, normalize = dimensions !== undefined }: FormOptions<VectorType>,
  numbers: ArrayLike<number>,
): Float32Array {
  const vector = Float32Array.from(numbers);
  if (!vector.every(Number.isFinite)) throw bad(`expected finite numbers for the document ${id}, got others`);
  if (normalize) {
    const length = Math.hypot(...vector);
    if (Math.abs(length - 1) > LENGTH_TOLERANCE) throw unlike(id, 'a vector of length 1', String(length));
  }
  if (type === 'float16') {
    const halves = new Uint16Array(vector.length);
    writeHalves(vector, halves, 0);
    if (readHalves(halves).some((half, i) => half !== vector[i]))
      throw unlike(id, 'numbers of half precision', 'others');
  }
  return vector;
}

function integers(
  id: string,
  type: VectorType,
  numbers: ArrayLike<number>,
  [least, most]: readonly [number, number],
): Int8Array | Uint8Array {
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i]!;
    if (!Number.isInteger(number) || number < least || number > most)
      throw unlike(id, `whole numbers from ${least} to ${most} for ${type}`, String(number));
  }
  return least < 0 ? Int8Array.from(numbers) : Uint8Array.from(numbers);
}

function unlike(id: string, expected: string, got: string): ClipClientError {
  return bad(
    `expected ${expected} in the document ${id}, got ${got}; not every server knows forms of vectors`,
  );
}

function bad(message: string): ClipClientError {
  return new ClipClientError('bad_answer', message);
}

function wrong(message: string): ClipClientError {
  return new ClipClientError('invalid_input', message);
}
