import type { ClipError } from '../../errors.ts';
import type { Tensor } from '../../service/item.ts';
import type { Shaped } from '../../service/shape.ts';

/**
 * One docarray 0.21 document, whatever wire it came by. A field that is empty or at its default is absent: the
 * reference leaves those out. At most one of `text`, `blob` and `tensor` is set.
 */
export interface Document {
  /** Any string of the client's own, else 32 hex digits made here. */
  id: string;
  parentId?: string;
  granularity?: number;
  adjacency?: number;
  blob?: Uint8Array;
  tensor?: Tensor | Encoded;
  mimeType?: string;
  text?: string;
  weight?: number;
  uri?: string;
  tags?: JsonObject | Encoded;
  offset?: number;
  location?: number[];
  /** float32 [D], or the form asked for, where this server made it; a client's own array where it sent one. */
  embedding?: Float32Array | Shaped | Tensor | Encoded;
  modality?: string;
  evaluations?: Scores;
  scores?: Scores;
  chunks?: Document[];
  matches?: Document[];
  /** docarray's `_metadata`, which only the protobuf wire carries. */
  metadata?: Encoded;
  /** Why this document has no vector, on the routes that answer document by document. */
  error?: ClipError;
}

/**
 * A protobuf sub-message as it came. It goes back byte for byte, so that what this server has no use for keeps its type; it is
 * read only where its values are asked for.
 */
export class Encoded {
  /** Well-formed; a view of the request. */
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

export interface NamedScore {
  /** float32. */
  value?: number;
  opName?: string;
  description?: string;
  refId?: string;
}

export type Scores = Record<string, NamedScore>;

/** As JSON.parse gives it; a number may be NaN or infinite only where it came by the protobuf wire. */
export type JsonObject = Record<string, unknown>;

const ID_BYTES = 16;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** Drawn for many ids at once: a call for each costs more than the rest of the id. */
const entropy = new Uint8Array(64 * ID_BYTES);
let used = entropy.length;

/** 32 hex digits. Not `randomUUID`, which browsers have on secure pages only. */
export function newId(): string {
  if (used === entropy.length) {
    globalThis.crypto.getRandomValues(entropy);
    used = 0;
  }
  let id = '';
  for (const end = used + ID_BYTES; used < end; used += 1) id += HEX[entropy[used]!];
  return id;
}

/** Documents of all levels. */
export function countDocuments(documents: readonly Document[]): number {
  let count = documents.length;
  for (const { chunks, matches } of documents) {
    if (chunks) count += countDocuments(chunks);
    if (matches) count += countDocuments(matches);
  }
  return count;
}

/**
 * Links documents to what they hang from, as docarray does when it builds its arrays: chunks take `parent_id` and
 * the next granularity; matches take the next adjacency and keep the rest.
 */
export function adopt(parent: Document): void {
  for (const chunk of parent.chunks ?? []) {
    chunk.parentId = parent.id;
    chunk.granularity = (parent.granularity ?? 0) + 1;
    adopt(chunk);
  }
  for (const match of parent.matches ?? []) {
    match.adjacency = (parent.adjacency ?? 0) + 1;
    adopt(match);
  }
}
