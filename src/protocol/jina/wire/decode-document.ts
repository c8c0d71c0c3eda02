import { ClipError } from '../../../errors.ts';
import { type Document, Encoded, type NamedScore, newId } from '../document.ts';
import { FieldError } from '../field-error.ts';
import { mimeTypeOfUri } from '../mime.ts';
import { DOCUMENT, DOCUMENT_ARRAY } from './fields.ts';
import type { Reader } from './reader.ts';
import { nonZero, readScore } from './scores.ts';
import { type Form, ND_ARRAY_FORM, readEncoded, STRUCT_FORM } from './well-formed.ts';

/** The roots so far, and how many documents of all levels there may be and may still come. */
export interface Documents {
  documents: Document[];
  readonly most: number;
  left: number;
}

interface Progress {
  readonly target: Documents;
  /** `['data', 'docs', 3, 'chunks', 0]` */
  readonly place: (string | number)[];
}

/** A document in the making: what may come in pieces, or be overwritten. */
interface Draft {
  readonly document: Document;
  readonly progress: Progress;
  /** The last of these three counts. */
  text?: string;
  blob?: Uint8Array;
  tensor?: Uint8Array[];
  embedding?: Uint8Array[];
  tags?: Uint8Array[];
  metadata?: Uint8Array[];
  scores?: [string, NamedScore][];
  evaluations?: [string, NamedScore][];
}

type Read = (reader: Reader, draft: Draft) => void;

/**
 * Adds the documents of a `DocumentArrayProto`.
 * @throws FieldError with the place: invalid_request, too_deep, too_many_items, request_too_large
 */
export function readDocuments(reader: Reader, target: Documents): void {
  const progress: Progress = { target, place: ['data', 'docs'] };
  try {
    const outer = reader.enter();
    for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
      if (tag === DOCUMENT_ARRAY.docs) readChild(reader, target.documents, progress);
      else reader.skip(tag);
    }
    reader.leave(outer);
  } catch (error) {
    if (error instanceof ClipError)
      throw new FieldError(progress.place, error.message, undefined, error.code);
    throw error;
  }
}

function readChild(reader: Reader, into: Document[], progress: Progress): void {
  const { target, place } = progress;
  if (target.left === 0)
    throw new ClipError('too_many_items', `expected at most ${target.most} documents in a request, got more`);
  target.left -= 1;
  place.push(into.length);
  into.push(readDocument(reader, progress));
  place.pop();
}

function readDocument(reader: Reader, progress: Progress): Document {
  const draft: Draft = { document: { id: '' }, progress };
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    const read = FIELDS[tag];
    if (read) read(reader, draft);
    else reader.skip(tag);
  }
  reader.leave(outer);
  return finish(draft);
}

/** By tag. */
const FIELDS: (Read | undefined)[] = [];
FIELDS[DOCUMENT.id] = (reader, { document }) => {
  document.id = reader.string();
};
FIELDS[DOCUMENT.blob] = (reader, draft) => setContent(draft, reader.bytes());
FIELDS[DOCUMENT.tensor] = (reader, draft) => {
  const { tensor } = draft;
  setContent(draft);
  draft.tensor = readPiece(reader, ND_ARRAY_FORM, tensor);
};
FIELDS[DOCUMENT.text] = (reader, draft) => setContent(draft, undefined, reader.string());
FIELDS[DOCUMENT.granularity] = (reader, { document }) => {
  document.granularity = reader.uint32() || undefined;
};
FIELDS[DOCUMENT.adjacency] = (reader, { document }) => {
  document.adjacency = reader.uint32() || undefined;
};
FIELDS[DOCUMENT.parentId] = (reader, { document }) => {
  document.parentId = reader.string() || undefined;
};
FIELDS[DOCUMENT.weight] = (reader, { document }) => {
  document.weight = nonZero(reader.float());
};
FIELDS[DOCUMENT.uri] = (reader, { document }) => {
  document.uri = reader.string() || undefined;
};
FIELDS[DOCUMENT.modality] = (reader, { document }) => {
  document.modality = reader.string() || undefined;
};
FIELDS[DOCUMENT.mimeType] = (reader, { document }) => {
  document.mimeType = reader.string() || undefined;
};
FIELDS[DOCUMENT.offset] = (reader, { document }) => {
  document.offset = nonZero(reader.float());
};
FIELDS[DOCUMENT.location] = (reader, { document }) => {
  document.location ??= [];
  reader.floats(DOCUMENT.location, document.location);
};
FIELDS[DOCUMENT.locationUnpacked] = (reader, { document }) => {
  document.location ??= [];
  reader.floats(DOCUMENT.locationUnpacked, document.location);
};
FIELDS[DOCUMENT.chunks] = (reader, draft) => readChildren(reader, draft, 'chunks');
FIELDS[DOCUMENT.matches] = (reader, draft) => readChildren(reader, draft, 'matches');
FIELDS[DOCUMENT.embedding] = (reader, draft) => {
  draft.embedding = readPiece(reader, ND_ARRAY_FORM, draft.embedding);
};
FIELDS[DOCUMENT.tags] = (reader, draft) => {
  draft.tags = readPiece(reader, STRUCT_FORM, draft.tags);
};
FIELDS[DOCUMENT.scores] = (reader, draft) => {
  draft.scores ??= [];
  draft.scores.push(readScore(reader));
};
FIELDS[DOCUMENT.evaluations] = (reader, draft) => {
  draft.evaluations ??= [];
  draft.evaluations.push(readScore(reader));
};
FIELDS[DOCUMENT.metadata] = (reader, draft) => {
  draft.metadata = readPiece(reader, STRUCT_FORM, draft.metadata);
};

function setContent(draft: Draft, blob?: Uint8Array, text?: string): void {
  draft.blob = blob;
  draft.text = text;
  draft.tensor = undefined;
}

/** One more piece of a message that is kept as it came; mostly the only one. */
function readPiece(reader: Reader, form: Form, pieces: Uint8Array[] = []): Uint8Array[] {
  if (pieces.length > 0) reader.countValue();
  pieces.push(readEncoded(reader, form));
  return pieces;
}

function readChildren(reader: Reader, { document, progress }: Draft, key: 'chunks' | 'matches'): void {
  document[key] ??= [];
  progress.place.push(key);
  readChild(reader, document[key], progress);
  progress.place.pop();
}

/** As docarray: an empty id is replaced, empty content is none, and a URI without a type gets the type of its name. */
function finish(draft: Draft): Document {
  const { document } = draft;
  document.id ||= newId();
  if (draft.text) document.text = draft.text;
  if (draft.blob && draft.blob.length > 0) document.blob = draft.blob;
  if (document.uri && !document.mimeType) document.mimeType = mimeTypeOfUri(document.uri);
  if (draft.tensor) document.tensor = join(draft.tensor);
  if (draft.embedding) document.embedding = join(draft.embedding);
  if (draft.tags) document.tags = join(draft.tags);
  if (draft.metadata) document.metadata = join(draft.metadata);
  if (draft.scores) document.scores = Object.fromEntries(draft.scores);
  if (draft.evaluations) document.evaluations = Object.fromEntries(draft.evaluations);
  return document;
}

/** Pieces of one message: put behind one another, they are the message. */
function join(pieces: readonly Uint8Array[]): Encoded | undefined {
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  if (size === 0) return undefined;
  if (pieces.length === 1) return new Encoded(pieces[0]!);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return new Encoded(bytes);
}
