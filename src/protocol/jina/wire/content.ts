import { adopt, type Document } from '../document.ts';
import { type Documents, readDocuments } from './decode-document.ts';
import { writeDocument } from './encode-document.ts';
import { DATA_CONTENT, DOCUMENT_ARRAY } from './fields.ts';
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** `DataContentProto`: documents, or a Python pickle of them, which is not read; the last of both counts. */
export interface Content extends Documents {
  pickled: boolean;
}

/** Adds what one message holds. @throws ClipError invalid_request, too_deep, too_many_items */
export function readContent(reader: Reader, content: Content): void {
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === DATA_CONTENT.docs) {
      content.pickled = false;
      readDocuments(reader, content);
    } else {
      reader.skip(tag);
      if (tag !== DATA_CONTENT.docsBytes) continue;
      content.pickled = true;
      content.documents = [];
    }
  }
  reader.leave(outer);
  for (const document of content.documents) adopt(document);
}

export function writeContent(out: Writer, tag: number, documents: readonly Document[]): void {
  const content = out.open(tag);
  const array = out.open(DATA_CONTENT.docs);
  for (const document of documents) writeDocument(out, DOCUMENT_ARRAY.docs, document);
  out.close(array);
  out.close(content);
}
