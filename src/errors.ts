/**
 * The one table of errors. A protocol looks up its own status here; `docs/errors.md` is kept equal to it by a test.
 *
 * `exception` is the Python class name that the reference server reports for the same fault, which existing
 * clients compare with.
 */
export interface ErrorKind {
  readonly sentence: string;
  readonly http: number;
  readonly grpc: string;
  readonly retryable: boolean;
  readonly exception: string;
}

const kind = (
  sentence: string,
  http: number,
  grpc: string,
  retryable: boolean,
  exception: string,
): ErrorKind => ({
  sentence,
  http,
  grpc,
  retryable,
  exception,
});

export const ERRORS = {
  invalid_request: kind(
    'The request is not what the protocol asks for.',
    400,
    'INVALID_ARGUMENT',
    false,
    'ValueError',
  ),
  invalid_json: kind('The body is not valid JSON.', 422, 'INVALID_ARGUMENT', false, 'JSONDecodeError'),
  invalid_document: kind(
    'A field of the request has the wrong type or value.',
    422,
    'INVALID_ARGUMENT',
    false,
    'ValidationError',
  ),
  invalid_tensor: kind('The tensor is not an image.', 422, 'INVALID_ARGUMENT', false, 'ValueError'),
  invalid_image: kind(
    'The bytes are not a readable image.',
    422,
    'INVALID_ARGUMENT',
    false,
    'UnidentifiedImageError',
  ),
  unsupported_image: kind(
    'The image format is not accepted.',
    415,
    'INVALID_ARGUMENT',
    false,
    'UnidentifiedImageError',
  ),
  invalid_uri: kind('The URI cannot be loaded.', 422, 'INVALID_ARGUMENT', false, 'FileNotFoundError'),
  forbidden_uri: kind(
    'The URI points where the configuration does not allow.',
    403,
    'PERMISSION_DENIED',
    false,
    'FileNotFoundError',
  ),
  fetch_failed: kind('The URI did not answer with an image.', 424, 'FAILED_PRECONDITION', true, 'URLError'),
  rank_failed: kind('The documents cannot be ranked.', 422, 'INVALID_ARGUMENT', false, 'ValueError'),
  unauthorized: kind('The API key is missing or wrong.', 401, 'UNAUTHENTICATED', false, 'PermissionError'),
  unknown_model: kind('The model is not the one that is served.', 404, 'NOT_FOUND', false, 'NotFound'),
  form_failed: kind(
    'The vector cannot take the form that was asked for.',
    422,
    'INVALID_ARGUMENT',
    false,
    'ValueError',
  ),
  not_found: kind('There is nothing at this path.', 404, 'UNIMPLEMENTED', false, 'NotFound'),
  unknown_service: kind('There is no service of this name.', 404, 'NOT_FOUND', false, 'NotFound'),
  method_not_allowed: kind(
    'The path does not take this method.',
    405,
    'UNIMPLEMENTED',
    false,
    'MethodNotAllowed',
  ),
  unsupported_media_type: kind(
    'The content type is not accepted.',
    415,
    'INVALID_ARGUMENT',
    false,
    'ValueError',
  ),
  unsupported_encoding: kind(
    'The compression is not one that is read.',
    415,
    'UNIMPLEMENTED',
    false,
    'ValueError',
  ),
  too_many_items: kind(
    'The request holds more items than the limit.',
    413,
    'INVALID_ARGUMENT',
    false,
    'ValueError',
  ),
  too_many_values: kind(
    'The request holds more parameters and scores than the limit.',
    413,
    'INVALID_ARGUMENT',
    false,
    'ValueError',
  ),
  request_too_large: kind(
    'The request is larger than the limit.',
    413,
    'RESOURCE_EXHAUSTED',
    false,
    'ValueError',
  ),
  headers_too_large: kind(
    'The request headers are larger than the limit.',
    431,
    'RESOURCE_EXHAUSTED',
    false,
    'ValueError',
  ),
  path_too_long: kind(
    'The request path is longer than the limit.',
    414,
    'INVALID_ARGUMENT',
    false,
    'ValueError',
  ),
  body_timeout: kind(
    'The body arrived more slowly than the limit.',
    408,
    'DEADLINE_EXCEEDED',
    true,
    'TimeoutError',
  ),
  text_too_long: kind('The text is longer than the limit.', 413, 'INVALID_ARGUMENT', false, 'ValueError'),
  image_too_large: kind(
    'The image is larger than the limit.',
    413,
    'INVALID_ARGUMENT',
    false,
    'DecompressionBombError',
  ),
  too_deep: kind(
    'The request is nested deeper than the limit.',
    400,
    'INVALID_ARGUMENT',
    false,
    'ValueError',
  ),
  overloaded: kind('The queue is full.', 429, 'RESOURCE_EXHAUSTED', true, 'ResourceExhausted'),
  queue_timeout: kind(
    'The item waited in the queue longer than the limit.',
    503,
    'UNAVAILABLE',
    true,
    'TimeoutError',
  ),
  deadline_exceeded: kind(
    'The deadline passed before the answer was ready.',
    504,
    'DEADLINE_EXCEEDED',
    true,
    'TimeoutError',
  ),
  cancelled: kind('The client left.', 499, 'CANCELLED', true, 'CancelledError'),
  draining: kind('The server is shutting down.', 503, 'UNAVAILABLE', true, 'RuntimeError'),
  not_ready: kind('No engine is serving.', 503, 'UNAVAILABLE', true, 'RuntimeError'),
  answer_too_large: kind(
    'The answer is larger than the limit.',
    500,
    'RESOURCE_EXHAUSTED',
    false,
    'ValueError',
  ),
  engine_failed: kind('The engine failed.', 500, 'INTERNAL', true, 'RuntimeError'),
  engine_timeout: kind('The engine did not answer within its bound.', 500, 'INTERNAL', true, 'RuntimeError'),
  bad_vector: kind(
    'The engine returned a vector that cannot be right.',
    500,
    'INTERNAL',
    false,
    'RuntimeError',
  ),
  model_unavailable: kind('The files of the model cannot be had.', 503, 'UNAVAILABLE', true, 'RuntimeError'),
  model_invalid: kind(
    'The model is not one that can be served.',
    500,
    'FAILED_PRECONDITION',
    false,
    'RuntimeError',
  ),
  internal: kind('A fault in the server.', 500, 'INTERNAL', false, 'RuntimeError'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** An error with a code of the table. `message` says what was expected, what came, and where. */
export class ClipError extends Error {
  override readonly name = 'ClipError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get kind(): ErrorKind {
    return ERRORS[this.code];
  }

  /** Why an aborted signal was aborted: its reason where that is a ClipError, else `cancelled`. */
  static aborted(signal: AbortSignal): ClipError {
    if (signal.reason instanceof ClipError) return signal.reason;
    return new ClipError('cancelled', 'The request was given up before its answer was ready.', {
      cause: signal.reason,
    });
  }

  /** Wraps anything thrown; a ClipError passes through unchanged. */
  static from(thrown: unknown): ClipError {
    if (thrown instanceof ClipError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new ClipError('internal', message, { cause: thrown });
  }
}
