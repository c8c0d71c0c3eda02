import { readHalves } from '../../float16.ts';
import { type Shaped, toBase64 } from '../../service/shape.ts';
import { type Document, Encoded, type NamedScore, type Scores } from './document.ts';
import { tensorToJson } from './tensor.ts';
import { numbersOf } from './wire/nd-array.ts';
import { decodeStruct } from './wire/struct.ts';
import { jsonDouble, jsonValue } from './write-json.ts';
import { jsonVector } from './write-vector.ts';

/**
 * The reference's JSON form: these keys, in this order, null where unset; `error` only where there is one.
 *
 * @throws ClipError bad_vector; invalid_tensor where an array that came encoded is none of numbers
 */
export function documentToJson(document: Document): string {
  const { error } = document;
  const head =
    `{"id":${JSON.stringify(document.id)},"parent_id":${text(document.parentId)},` +
    `"granularity":${document.granularity ?? null},"adjacency":${document.adjacency ?? null},` +
    `"blob":${base64(document.blob)},"tensor":${array(document.tensor)},` +
    `"mime_type":${text(document.mimeType)},"text":${text(document.text)},"weight":${float(document.weight)},` +
    `"uri":${text(document.uri)},"tags":${tags(document.tags)},` +
    `"offset":${float(document.offset)},"location":${numbers(document.location)},` +
    `"embedding":${array(document.embedding)},"modality":${text(document.modality)},` +
    `"evaluations":${scores(document.evaluations)},"scores":${scores(document.scores)},` +
    `"chunks":${list(document.chunks)},"matches":${list(document.matches)}`;
  if (!error) return `${head}}`;
  return `${head},"error":{"code":"${error.code}","message":${JSON.stringify(error.message)}}}`;
}

function text(value: string | undefined): string {
  return value ? JSON.stringify(value) : 'null';
}

function float(value: number | undefined): string {
  return value === undefined ? 'null' : jsonDouble(value);
}

function numbers(values: readonly number[] | undefined): string {
  return values ? `[${values.map(jsonDouble).join(',')}]` : 'null';
}

function base64(bytes: Uint8Array | undefined): string {
  if (!bytes || bytes.length === 0) return 'null';
  return `"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}"`;
}

function array(value: Document['embedding']): string {
  if (value instanceof Float32Array) return jsonVector(value);
  if (value && 'type' in value) return shapedToJson(value);
  const tensor = value instanceof Encoded ? numbersOf(value) : value;
  return tensor ? tensorToJson(tensor, printerOf(tensor.data)) : 'null';
}

/** A list of numbers, or the base64 of their bytes. @throws ClipError bad_vector for what is not finite */
export function shapedToJson(vector: Shaped): string {
  const { type, data, base64 } = vector;
  if (base64) return `"${toBase64(vector)}"`;
  if (data instanceof Float32Array) return jsonVector(data);
  return type === 'float16' ? jsonVector(readHalves(data as Uint16Array)) : `[${data.join(',')}]`;
}

function tags(value: Document['tags']): string {
  if (!value) return 'null';
  return jsonValue(value instanceof Encoded ? decodeStruct(value) : value);
}

/** NumPy keeps integers of a client's own array integers, and floats floats. */
function printerOf(data: ArrayLike<number>): (value: number) => string {
  return data instanceof Float32Array || data instanceof Float64Array ? jsonDouble : String;
}

function scores(value: Scores | undefined): string {
  if (!value) return 'null';
  return `{${Object.entries(value)
    .map(([name, score]) => `${JSON.stringify(name)}:${scoreToJson(score)}`)
    .join(',')}}`;
}

function scoreToJson({ value, opName, description, refId }: NamedScore): string {
  return (
    `{"value":${float(value)},"op_name":${text(opName)},` +
    `"description":${text(description)},"ref_id":${text(refId)}}`
  );
}

function list(documents: readonly Document[] | undefined): string {
  return documents && documents.length > 0 ? `[${documents.map(documentToJson).join(',')}]` : 'null';
}
