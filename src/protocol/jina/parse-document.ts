import { ClipError } from '../../errors.ts';
import { decodeBase64 } from './base64.ts';
import { adopt, type Document, type JsonObject, newId } from './document.ts';
import { describe, FieldError, type Location } from './field-error.ts';
import { mimeTypeOfUri } from './mime.ts';
import {
  isObject,
  readCount,
  readFloat,
  readList,
  readLocation,
  readObject,
  readScores,
  readString,
} from './parse-fields.ts';
import { tensorFromLists } from './tensor.ts';

/**
 * The list under `data`, as documents. Unknown keys are ignored, as the reference does.
 *
 * @param most documents of all levels together
 * @throws FieldError with the place of the first fault; ClipError too_many_items
 */
export function parseDocuments(list: readonly unknown[], at: Location, most: number): Document[] {
  let left = most;
  const parse = (raw: unknown, here: Location): Document => {
    if (left === 0)
      throw new ClipError('too_many_items', `expected at most ${most} documents in a request, got more`);
    left -= 1;
    if (!isObject(raw))
      throw new FieldError(here, `expected a document, got ${describe(raw)}`, 'type_error.dict');
    const document = parseFields(raw, here);
    for (const key of ['chunks', 'matches'] as const) {
      const children = readList(raw, key, here);
      if (children) document[key] = children.map((child, i) => parse(child, [...here, key, i]));
    }
    return document;
  };
  const documents = list.map((raw, i) => parse(raw, [...at, i]));
  for (const document of documents) adopt(document);
  return documents;
}

function parseFields(raw: JsonObject, at: Location): Document {
  const uri = readString(raw, 'uri', at);
  return {
    id: readString(raw, 'id', at) ?? newId(),
    parentId: readString(raw, 'parent_id', at),
    granularity: readCount(raw, 'granularity', at),
    adjacency: readCount(raw, 'adjacency', at),
    ...parseContent(raw, at),
    mimeType: readString(raw, 'mime_type', at) ?? (uri && mimeTypeOfUri(uri)),
    weight: readFloat(raw, 'weight', at),
    uri,
    tags: readObject(raw, 'tags', at),
    offset: readFloat(raw, 'offset', at),
    location: readLocation(raw, at),
    embedding: parseArray(raw, 'embedding', at),
    modality: readString(raw, 'modality', at),
    evaluations: readScores(raw, 'evaluations', at),
    scores: readScores(raw, 'scores', at),
  };
}

/** The three exclude each other; of several, docarray's JSON keeps the tensor, then the blob, then the text. */
function parseContent(raw: JsonObject, at: Location): Pick<Document, 'text' | 'blob' | 'tensor'> {
  const text = readString(raw, 'text', at);
  const blob = parseBlob(raw, at);
  const tensor = parseArray(raw, 'tensor', at);
  if (tensor) return { tensor };
  return blob ? { blob } : { text };
}

function parseBlob(raw: JsonObject, at: Location): Uint8Array | undefined {
  const value = raw.blob;
  if (value === undefined || value === null || value === '') return undefined;
  const here = [...at, 'blob'];
  if (typeof value !== 'string')
    throw new FieldError(here, `expected base64 in a string, got ${describe(value)}`, 'type_error.str');
  return decodeBase64(value, here);
}

function parseArray(raw: JsonObject, key: 'tensor' | 'embedding', at: Location): Document['tensor'] {
  const value = raw[key];
  return value === undefined || value === null ? undefined : tensorFromLists(value, [...at, key]);
}
