import { ClipError } from '../../../errors.ts';
import { type Document, Encoded } from '../document.ts';
import { numbersOf } from './nd-array.ts';
import { decodeStruct } from './struct.ts';

/**
 * Reads what the documents keep encoded: tags become objects, arrays numbers, of which a float32 array of one axis is a plain
 * Float32Array that does not hold the message. Arrays that are no dense numbers stay encoded.
 */
export function decodeValues(documents: readonly Document[]): void {
  for (const document of documents) {
    const { embedding, tensor, tags, chunks = [], matches = [] } = document;
    if (embedding instanceof Encoded) document.embedding = vectorOf(embedding);
    if (tensor instanceof Encoded) document.tensor = tensorOf(tensor);
    if (tags instanceof Encoded) document.tags = decodeStruct(tags);
    decodeValues(chunks);
    decodeValues(matches);
  }
}

function vectorOf(encoded: Encoded): Document['embedding'] {
  const array = tensorOf(encoded);
  if (array === undefined || array instanceof Encoded) return array;
  const { shape, data } = array;
  return shape.length === 1 && data instanceof Float32Array ? data.slice() : array;
}

function tensorOf(encoded: Encoded): Document['tensor'] {
  try {
    return numbersOf(encoded);
  } catch (error) {
    if (error instanceof ClipError) return encoded;
    throw error;
  }
}
