import { ERRORS, type ErrorCode } from '../../errors.ts';
import type { SchemaName } from './schemas.ts';

/** What the API document says of a route, beside its methods and its summary. */
export interface Operation {
  readonly tag: 'Jina' | 'OpenAI' | 'Cohere' | 'State';
  /** The path as the document has it, where that is not the route's own: parameters stand in braces. */
  readonly path?: string;
  readonly parameters?: readonly Parameter[];
  /** Of a JSON body. */
  readonly body?: SchemaName;
  /** Status → content. */
  readonly answers: Readonly<Record<number, Content>>;
  /** Of every other status. */
  readonly fault: SchemaName;
  readonly faults: readonly number[];
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'header';
  readonly description: string;
  readonly schema: object;
}

export interface Content {
  readonly description: string;
  /** Media type → schema by its name; undefined for a text of any form. */
  readonly types: Readonly<Record<string, SchemaName | undefined>>;
}

/** What may be wrong with any request before its route is asked. */
const HEAD_CODES: readonly ErrorCode[] = [
  'invalid_request',
  'path_too_long',
  'headers_too_large',
  'internal',
];
/** … with a request that has a body. */
const BODY_CODES: readonly ErrorCode[] = [
  'invalid_json',
  'invalid_document',
  'too_deep',
  'too_many_items',
  'request_too_large',
  'body_timeout',
  'unsupported_media_type',
  'unsupported_encoding',
  'overloaded',
  'queue_timeout',
  'draining',
  'not_ready',
  'deadline_exceeded',
  'engine_failed',
];
/** … with the items in it, where that is told by the status. */
const ITEM_CODES: readonly ErrorCode[] = [
  'invalid_tensor',
  'invalid_image',
  'unsupported_image',
  'invalid_uri',
  'forbidden_uri',
  'fetch_failed',
  'rank_failed',
  'form_failed',
  'text_too_long',
  'image_too_large',
  'bad_vector',
];
const CODES = {
  head: HEAD_CODES,
  body: [...HEAD_CODES, ...BODY_CODES],
  items: [...HEAD_CODES, ...BODY_CODES, ...ITEM_CODES],
};

/** Ascending. @param statusOf where a route answers with other statuses than the table of errors says */
export function faultStatuses(
  extent: keyof typeof CODES,
  statusOf: (code: ErrorCode, http: number) => number = (_, http) => http,
): number[] {
  const statuses = CODES[extent].map((code) => statusOf(code, ERRORS[code].http));
  return [...new Set(statuses)].sort((a, b) => a - b);
}

export function jsonContent(schema: SchemaName, description = 'The answer.'): Content {
  return { description, types: { 'application/json': schema } };
}
