import type { ClipError } from '../../errors.ts';
import type { Document, JsonObject } from './document.ts';
import { describe, FieldError } from './field-error.ts';
import { parseDocuments } from './parse-document.ts';
import { isObject, readObject, readString } from './parse-fields.ts';

/** One batch, whatever wire it came by (`DataRequestProto` or its JSON form). */
export interface JinaRequest {
  /** The client's own, where it sent one; WebSocket clients match answers by it. */
  readonly requestId?: string;
  readonly documents: Document[];
  /** Absent where the client names none, which means `/`. */
  readonly endpoint?: string;
  /** Regular expression that the deployment's name must match; absent means any. */
  readonly targetExecutor?: string;
  readonly parameters: JsonObject;
  /** What is wrong with a request whose envelope could be read: it is answered with this and not worked on. */
  readonly fault?: ClipError;
}

/**
 * The JSON envelope of `/post` and its sisters; both spellings of each key, unknown keys ignored.
 *
 * @param endpoint of routes that fix it; the body's own is then ignored
 * @throws FieldError, ClipError too_many_items
 */
export function parseRequest(body: unknown, maxDocuments: number, endpoint?: string): JinaRequest {
  // The reference reads an empty list as an object without keys.
  const envelope = Array.isArray(body) && body.length === 0 ? {} : body;
  if (!isObject(envelope))
    throw new FieldError(
      ['body'],
      `expected an object with the key data, got ${describe(body)}`,
      'type_error.dict',
    );
  const named =
    readString(envelope, 'execEndpoint', ['body']) ?? readString(envelope, 'exec_endpoint', ['body']);
  return {
    documents: parseDocuments(listOfDocuments(envelope.data), ['body', 'data'], maxDocuments),
    endpoint: endpoint ?? named,
    targetExecutor:
      readString(envelope, 'targetExecutor', ['body']) ?? readString(envelope, 'target_executor', ['body']),
    parameters: readObject(envelope, 'parameters', ['body']) ?? {},
  };
}

function listOfDocuments(data: unknown): readonly unknown[] {
  const list = isObject(data) ? data.docs : data;
  if (list === undefined || list === null) return [];
  if (Array.isArray(list)) return list;
  throw new FieldError(
    isObject(data) ? ['body', 'data', 'docs'] : ['body', 'data'],
    `expected a list of documents, got ${describe(list)}`,
    'type_error.list',
  );
}
