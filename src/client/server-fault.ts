import type { ErrorCode } from '../errors.ts';
import { type ClientErrorCode, ClipClientError, type ErrorDetails, isServerCode } from './error.ts';

/** `StatusProto` of an answer, over any wire. */
export interface ServerStatus {
  readonly code?: number;
  readonly description?: string;
  readonly exception?: {
    readonly name?: string;
    readonly args?: readonly string[];
  };
}

/** For servers that name a Python exception and no code of ours. */
const CODE_OF_EXCEPTION: Readonly<Record<string, ErrorCode>> = {
  UnidentifiedImageError: 'invalid_image',
  DecompressionBombError: 'image_too_large',
  FileNotFoundError: 'invalid_uri',
  HTTPError: 'fetch_failed',
  URLError: 'fetch_failed',
  OSError: 'invalid_image',
  ValidationError: 'invalid_document',
  JSONDecodeError: 'invalid_json',
  ValueError: 'invalid_request',
  TypeError: 'invalid_request',
  AttributeError: 'invalid_request',
  IndexError: 'invalid_request',
  TimeoutError: 'deadline_exceeded',
  ResourceExhausted: 'overloaded',
  CancelledError: 'cancelled',
  RuntimeError: 'engine_failed',
};

const CODE_OF_HTTP: Readonly<Record<number, ClientErrorCode>> = {
  401: 'unauthorized',
  403: 'unauthorized',
  404: 'not_found',
  405: 'method_not_allowed',
  407: 'unauthorized',
  408: 'body_timeout',
  413: 'request_too_large',
  415: 'unsupported_media_type',
  422: 'invalid_document',
  429: 'overloaded',
  431: 'headers_too_large',
  502: 'bad_gateway',
  503: 'bad_gateway',
  504: 'bad_gateway',
};

/** gRPC's numbers. UNAVAILABLE is what servers and everything before them say when they go away. */
const CODE_OF_GRPC: Readonly<Record<number, ClientErrorCode>> = {
  1: 'cancelled',
  3: 'invalid_request',
  4: 'deadline_exceeded',
  5: 'not_found',
  7: 'unauthorized',
  8: 'overloaded',
  12: 'not_found',
  14: 'connection_lost',
  16: 'unauthorized',
};

const CODE_OF_CLOSE: Readonly<Record<number, ClientErrorCode>> = {
  1002: 'invalid_request',
  1003: 'invalid_request',
  1007: 'invalid_request',
  1008: 'invalid_request',
  1009: 'request_too_large',
  1013: 'overloaded',
};

/** The fault in an answer's status; undefined where it has none. The second argument of a clip-server's exception is its code. */
export function faultOfStatus(status: ServerStatus | null | undefined): ClipClientError | undefined {
  if (!status?.code) return undefined;
  const { name = '', args = [] } = status.exception ?? {};
  const said = args.find(isServerCode);
  const code = said ?? CODE_OF_EXCEPTION[name] ?? 'internal';
  return new ClipClientError(
    code,
    args[0] || status.description || `the server answered ${name || 'an error'}`,
  );
}

export function faultOfHttp(status: number, message: string, details: ErrorDetails = {}): ClipClientError {
  const code = CODE_OF_HTTP[status] ?? (status >= 500 ? 'internal' : 'invalid_request');
  return new ClipClientError(code, message, { ...details, status });
}

/** @param said the server's own code, where its trailers name one */
export function faultOfGrpc(status: number, message: string, said?: unknown): ClipClientError {
  const code = isServerCode(said) ? said : (CODE_OF_GRPC[status] ?? 'internal');
  return new ClipClientError(code, message, { status });
}

/** A server that goes away, or whose connection breaks, may be back in a moment. */
export function faultOfClose(status: number, reason: string): ClipClientError {
  const code = CODE_OF_CLOSE[status] ?? 'connection_lost';
  return new ClipClientError(code, reason || `the server ended the connection with the code ${status}`, {
    status,
  });
}

const NOT_REACHED =
  /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CONNECT_TIMEOUT|No connection established|Name resolution failed/;
const TLS =
  /CERT_|_CERT|certificate|SELF_SIGNED|ERR_TLS|ERR_SSL|ERR_OSSL|ALTNAME|\bEPROTO\b|before secure TLS connection|wrong version number/i;

/** A fault of the connection, told by what the library threw: nothing was sent, or perhaps the request was. */
export function faultOfConnection(thrown: unknown, where: string): ClipClientError {
  const said = [...causes(thrown)].join(': ');
  const code = TLS.test(said)
    ? 'tls_failed'
    : NOT_REACHED.test(said)
      ? 'connection_failed'
      : 'connection_lost';
  return new ClipClientError(code, `${where}: ${said}`, { cause: thrown });
}

function* causes(thrown: unknown): Iterable<string> {
  let at = thrown;
  for (let depth = 0; depth < 5 && at instanceof Error; depth += 1) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : undefined;
    const text = [code && !at.message.includes(code) ? code : '', at.message].filter(Boolean).join(' ');
    if (text) yield text;
    at = at instanceof AggregateError && at.errors.length > 0 ? at.errors[0] : at.cause;
  }
  if (!(thrown instanceof Error)) yield String(thrown);
}
