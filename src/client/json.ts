import {
  type Document,
  Encoded,
  type JsonObject,
  type NamedScore,
  type Scores,
} from '../protocol/jina/document.ts';
import { ClipClientError, isServerCode } from './error.ts';
import type { AnsweredDocument } from './transport.ts';

/** Bytes to standard base64. */
export type ToBase64 = (bytes: Uint8Array) => string;

/** A document as the server's JSON parser takes it; fields that are not set are left out. */
export function documentToJson(document: Document, toBase64: ToBase64): JsonObject {
  const { id, text, blob, uri, tensor, matches } = document;
  return {
    id,
    text,
    uri,
    blob: blob && toBase64(blob),
    tensor: tensor && !(tensor instanceof Encoded) ? nest(tensor.data, tensor.shape) : undefined,
    matches: matches?.map((match) => documentToJson(match, toBase64)),
  };
}

function nest(data: ArrayLike<number>, shape: readonly number[]): unknown {
  let next = 0;
  const level = (depth: number): unknown[] =>
    Array.from({ length: shape[depth]! }, () =>
      depth === shape.length - 1 ? data[next++] : level(depth + 1),
    );
  return level(0);
}

/**
 * A document of an answer. What has the wrong type is a fault and never left out.
 *
 * @throws ClipClientError bad_answer
 */
export function documentFromJson(value: unknown): AnsweredDocument {
  const json = object(value, 'a document');
  const embedding = json.embedding === null || json.embedding === undefined ? undefined : json.embedding;
  return defined({
    id: typeof json.id === 'string' ? json.id : '',
    parentId: json.parent_id,
    granularity: json.granularity,
    adjacency: json.adjacency,
    blob: typeof json.blob === 'string' ? bytesFromBase64(json.blob) : undefined,
    mimeType: json.mime_type,
    text: json.text,
    weight: json.weight,
    uri: json.uri,
    tags: json.tags,
    offset: json.offset,
    location: json.location,
    embedding: embedding === undefined ? undefined : numbers(embedding),
    modality: json.modality,
    evaluations: scores(json.evaluations),
    scores: scores(json.scores),
    chunks: documents(json.chunks),
    matches: documents(json.matches),
    error: errorFrom(json.error),
  }) as unknown as AnsweredDocument;
}

function defined(fields: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  );
}

function documents(value: unknown): AnsweredDocument[] | undefined {
  return Array.isArray(value) ? value.map(documentFromJson) : undefined;
}

function numbers(value: unknown): Float32Array {
  // Float32Array.from would make 0 of null and a number of a text.
  if (!Array.isArray(value) || !value.every((member) => typeof member === 'number'))
    throw bad('expected a list of numbers as embedding, got something else');
  return Float32Array.from(value);
}

function scores(value: unknown): Scores | undefined {
  if (value === null || value === undefined) return undefined;
  const entries = Object.entries(object(value, 'scores')).map(([name, entry]): [string, NamedScore] => {
    const score = object(entry, `the score ${name}`);
    const fields = {
      value: score.value,
      opName: score.op_name,
      description: score.description,
      refId: score.ref_id,
    };
    return [name, defined(fields)];
  });
  return Object.fromEntries(entries);
}

function errorFrom(value: unknown): ClipClientError | undefined {
  if (value === null || value === undefined) return undefined;
  const { code, message } = object(value, 'the error of a document');
  return new ClipClientError(isServerCode(code) ? code : 'internal', String(message ?? code));
}

function bytesFromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** @throws ClipClientError bad_answer */
export function object(value: unknown, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw bad(`expected ${what} as an object, got ${value === null ? 'null' : typeof value}`);
}

function bad(message: string): ClipClientError {
  return new ClipClientError('bad_answer', message);
}
