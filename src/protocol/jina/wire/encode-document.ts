import { type Document, Encoded } from '../document.ts';
import { DOCUMENT } from './fields.ts';
import { writeArray } from './nd-array.ts';
import { writeScores } from './scores.ts';
import { writeStruct } from './struct.ts';
import type { Writer } from './writer.ts';

/** A `DocumentProto`, its fields in the order of their numbers, as every other encoder writes them. */
export function writeDocument(out: Writer, tag: number, document: Document): void {
  const opened = out.open(tag);
  out.string(DOCUMENT.id, document.id);
  writeContent(out, document);
  if (document.granularity) out.uint32(DOCUMENT.granularity, document.granularity);
  if (document.adjacency) out.uint32(DOCUMENT.adjacency, document.adjacency);
  out.text(DOCUMENT.parentId, document.parentId);
  if (document.weight !== undefined) out.float(DOCUMENT.weight, document.weight);
  out.text(DOCUMENT.uri, document.uri);
  out.text(DOCUMENT.modality, document.modality);
  out.text(DOCUMENT.mimeType, document.mimeType);
  if (document.offset !== undefined) out.float(DOCUMENT.offset, document.offset);
  if (document.location) out.floats(DOCUMENT.location, document.location);
  for (const chunk of document.chunks ?? []) writeDocument(out, DOCUMENT.chunks, chunk);
  for (const match of document.matches ?? []) writeDocument(out, DOCUMENT.matches, match);
  writeResults(out, document);
  out.close(opened);
}

function writeContent(out: Writer, { blob, tensor, text }: Document): void {
  if (text) out.string(DOCUMENT.text, text);
  else if (blob && blob.length > 0) out.bytes(DOCUMENT.blob, blob);
  else if (tensor instanceof Encoded) out.bytes(DOCUMENT.tensor, tensor.bytes);
  else if (tensor) writeArray(out, DOCUMENT.tensor, tensor);
}

function writeResults(out: Writer, { embedding, tags, scores, evaluations, metadata }: Document): void {
  if (embedding instanceof Encoded) out.bytes(DOCUMENT.embedding, embedding.bytes);
  else if (embedding) writeArray(out, DOCUMENT.embedding, embedding);
  if (tags instanceof Encoded) out.bytes(DOCUMENT.tags, tags.bytes);
  else if (tags) writeStruct(out, DOCUMENT.tags, tags);
  if (scores) writeScores(out, DOCUMENT.scores, scores);
  if (evaluations) writeScores(out, DOCUMENT.evaluations, evaluations);
  if (metadata) out.bytes(DOCUMENT.metadata, metadata.bytes);
}
