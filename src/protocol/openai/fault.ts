import { ClipError, type ErrorCode } from '../../errors.ts';
import { FormError } from '../../service/form.ts';
import { refusalReply } from '../http/fault.ts';
import type { Reply } from '../http/server.ts';
import { ParameterError } from './parameter-error.ts';

/** Statuses of the table of errors that OpenAI's API does not have for what is wrong with a body. */
const BODY_FAULTS: ReadonlySet<number> = new Set([403, 415, 422, 424]);
/** Statuses that OpenAI's clients turn into another class of exception than ours would. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  too_many_items: 400,
  text_too_long: 400,
  unsupported_media_type: 415,
  unsupported_encoding: 415,
};
/** What OpenAI calls what our table calls otherwise. */
const CODES: Partial<Record<ErrorCode, string>> = {
  unauthorized: 'invalid_api_key',
  unknown_model: 'model_not_found',
  not_found: 'unknown_url',
  overloaded: 'rate_limit_exceeded',
};

/** Whether a path is of OpenAI's API, served or not. */
export function isOpenAiPath(path: string): boolean {
  return path.startsWith('/v1/');
}

export function openAiStatus(code: ErrorCode, http: number): number {
  return STATUSES[code] ?? (BODY_FAULTS.has(http) ? 400 : http);
}

/** OpenAI's answer to a request that failed: its clients read the status, `retry-after` and these four keys. */
export function openAiFault(thrown: unknown): Reply {
  const error = ClipError.from(thrown);
  const { code, message, kind } = error;
  const status = openAiStatus(code, kind.http);
  const body = {
    error: { message, type: typeOf(status), param: parameterOf(error), code: CODES[code] ?? code },
  };
  // They try a 5xx again; what cannot get better is told.
  const once: Record<string, string> = status >= 500 && !kind.retryable ? { 'x-should-retry': 'false' } : {};
  return refusalReply(error, status, body, once);
}

function typeOf(status: number): string {
  if (status === 429) return 'requests';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

function parameterOf(error: ClipError): string | null {
  if (error.code === 'unknown_model') return 'model';
  return error instanceof ParameterError || error instanceof FormError ? error.parameter : null;
}
