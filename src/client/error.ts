import { ERRORS, type ErrorCode } from '../errors.ts';

const kind = (sentence: string, retryable: boolean) => ({ sentence, retryable });

/** What can go wrong on the client's side; the server's own codes stand in the table of errors. */
export const CLIENT_ERRORS = {
  invalid_input: kind('The input is not one that can be sent.', false),
  connection_failed: kind('No connection could be made; nothing was sent.', true),
  connection_lost: kind('The connection ended before the answer was whole.', true),
  tls_failed: kind('The TLS handshake failed.', false),
  timeout: kind('The answer took longer than `timeoutMs`.', true),
  bad_gateway: kind('Something between client and server answered in its place: 502, 503 or 504.', true),
  bad_answer: kind('The answer does not fit the request: nothing of it is used.', false),
  aborted: kind('The caller gave up.', false),
  closed: kind('The client has been closed.', false),
} as const;

export type ClientErrorCode = ErrorCode | keyof typeof CLIENT_ERRORS;

export interface ErrorDetails {
  /** Of HTTP, or a WebSocket's close code, or gRPC's status number: whatever the fault came with. */
  readonly status?: number;
  /** The request's, for a look into the server's log. */
  readonly requestId?: string;
  /** Position in the input of the item that failed, where it is known. */
  readonly index?: number;
  /** The items of the request that failed: position in the input of the first, and how many. */
  readonly batch?: { readonly first: number; readonly count: number };
  /** The server's wish. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** Every fault of the client. `message` says what was expected, what came, and where. */
export class ClipClientError extends Error {
  override readonly name = 'ClipClientError';
  readonly code: ClientErrorCode;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly index: number | undefined;
  readonly batch: ErrorDetails['batch'];
  readonly retryAfterMs: number | undefined;

  constructor(code: ClientErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.requestId = details.requestId;
    this.index = details.index;
    this.batch = details.batch;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** Whether the same request may succeed later. */
  get retryable(): boolean {
    return { ...ERRORS, ...CLIENT_ERRORS }[this.code].retryable;
  }

  /** The same fault with more said about where it happened; what is known already stays. */
  at(details: ErrorDetails): ClipClientError {
    const known = Object.fromEntries(Object.entries(this).filter(([, value]) => value !== undefined));
    const merged = new ClipClientError(this.code, this.message, { ...details, ...known, cause: this.cause });
    if (this.stack !== undefined) merged.stack = this.stack;
    return merged;
  }

  /** The caller's own end of a call. */
  static aborted(signal: AbortSignal): ClipClientError {
    const { reason } = signal;
    if (reason instanceof ClipClientError) return reason;
    const message = 'the call was given up by its caller';
    return new ClipClientError('aborted', message, { cause: reason });
  }
}

export function isServerCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}
