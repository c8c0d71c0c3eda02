import { ClipError, type ErrorCode } from '../../errors.ts';
import { FieldError } from '../jina/field-error.ts';
import { statusOf } from '../jina/status.ts';
import { CODINGS } from './coding.ts';
import type { Reply } from './server.ts';

/** Seconds after which a refused client may try again. */
const RETRY_AFTER = '1';

/** Sent beside a refusal by its code. */
const BESIDE: Partial<Record<ErrorCode, Record<string, string>>> = {
  unsupported_encoding: { 'accept-encoding': CODINGS.join(', ') },
  unauthorized: { 'www-authenticate': 'Bearer realm="clip-server"' },
};

/**
 * Codes of faults that the reference's executor would have raised while it worked on the documents. Its routes
 * answer them with 200 and a status inside, and existing clients look for them there and nowhere else.
 */
const EXECUTOR_CODES: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'invalid_tensor',
  'invalid_image',
  'unsupported_image',
  'invalid_uri',
  'forbidden_uri',
  'fetch_failed',
  'rank_failed',
  'form_failed',
  'image_too_large',
  'engine_failed',
  'engine_timeout',
  'bad_vector',
]);

export function isExecutorFault(error: ClipError): boolean {
  return EXECUTOR_CODES.has(error.code);
}

export function jsonReply(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return bytesReply(status, 'application/json', Buffer.from(JSON.stringify(body)), headers);
}

export function bytesReply(
  status: number,
  type: string,
  body: Uint8Array,
  headers: Record<string, string> = {},
): Reply {
  const retry = status === 429 || status === 503 ? { 'retry-after': RETRY_AFTER } : undefined;
  return { status, headers: { 'content-type': type, ...retry, ...headers }, body };
}

/**
 * The answer to a request that did not get as far as its documents. Malformed requests and unknown paths have the
 * reference's `detail`; the rest carry the status where its clients read it, and the code.
 */
export function faultReply(thrown: unknown): Reply {
  const error = ClipError.from(thrown);
  const { http } = error.kind;
  if (error instanceof FieldError) {
    const { location, fault, type } = error;
    return jsonReply(http, { detail: [{ loc: location, msg: fault, type }] });
  }
  if (error.code === 'not_found') return jsonReply(http, { detail: 'Not Found' });
  if (error.code === 'method_not_allowed') return jsonReply(http, { detail: 'Method Not Allowed' });
  const body = {
    header: { requestId: '', status: statusOf(error), execEndpoint: null, targetExecutor: '' },
    parameters: {},
    routes: [],
    data: [],
    error: { code: error.code, message: error.message },
  };
  return refusalReply(error, http, body);
}

/** A refusal in the shape of any API, with the headers that belong to its code. */
export function refusalReply(
  { code }: ClipError,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): Reply {
  return jsonReply(status, body, { ...BESIDE[code], ...headers });
}
