import { ClipError, type ErrorCode } from '../../errors.ts';
import type { Permit } from '../../service/item.ts';
import { FieldError } from '../jina/field-error.ts';
import { parseJson } from '../jina/json.ts';
import { countFault } from '../limit.ts';
import { openPatience, type Patience } from '../patience.ts';
import type { Site } from '../site.ts';
import { bodyCoding } from './coding.ts';
import type { Call } from './route.ts';
import type { HttpRequest } from './server.ts';

/** What lasts as long as the work on one request. */
export interface Life {
  readonly permit: Permit;
  readonly patience: Patience;
  /** What runs on the request's behalf, until it has really ended. */
  readonly working: Promise<unknown>[];
  /** Of the body. */
  readonly bytes: number;
}

export interface JsonCall<T> {
  /** @throws ClipError for a body that is not what the route takes */
  readonly parse: (body: unknown) => T;
  /** Sends the answer; resolves to what the request is counted under. */
  readonly serve: (request: T, life: Life) => Promise<'ok' | ErrorCode>;
}

/**
 * A request with a JSON body: admitted before the body is read, so that a full server does not take in what it cannot serve.
 * A client that leaves does not free its share before the work on its behalf has really ended.
 */
export async function jsonCall<T>(
  site: Site,
  { request }: Call,
  { parse, serve }: JsonCall<T>,
): Promise<'ok' | ErrorCode> {
  const timeoutMs = timeoutOf(request, site.config.gateway.requestTimeoutMs);
  const permit = site.service.admit();
  const patience = openPatience(request.signal, timeoutMs);
  const working: Promise<unknown>[] = [];
  try {
    const read = await readBody(site, request, parse, { permit, patience });
    return await serve(read.request, { permit, patience, working, bytes: read.bytes });
  } finally {
    patience.close();
    if (working.length === 0) permit.release();
    else void Promise.allSettled(working).then(() => permit.release());
  }
}

/** The body's bytes are free to go once this returns. */
async function readBody<T>(
  { config, metrics }: Site,
  request: HttpRequest,
  parse: JsonCall<T>['parse'],
  { permit, patience }: Pick<Life, 'permit' | 'patience'>,
): Promise<{ request: T; bytes: number }> {
  const { requestBytes, jsonDepth } = config.limits;
  try {
    const body = await request.body({
      limit: requestBytes,
      count: (bytes) => permit.addBytes(bytes),
      coding: bodyCoding(request.headers.get('content-encoding')),
      signal: patience.signal,
    });
    return { request: parse(parseJson(body, jsonDepth)), bytes: body.length };
  } catch (error) {
    countFault(metrics, error);
    throw error;
  }
}

/** Why a body is not taken for JSON; undefined where it is. @throws ClipError unsupported_encoding */
export function mediaTypeFault({ headers }: HttpRequest): string | undefined {
  bodyCoding(headers.get('content-encoding'));
  const sent = headers.get('content-type');
  if (/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(sent ?? '')) return undefined;
  return `expected content-type application/json, got ${sent ?? 'none'}`;
}

/** As our own routes have it: a body without a type is JSON. @throws ClipError unsupported_media_type */
export function checkMediaType(request: HttpRequest): void {
  const fault = mediaTypeFault(request);
  if (fault && request.headers.has('content-type')) throw new ClipError('unsupported_media_type', fault);
}

function timeoutOf({ headers }: HttpRequest, configured: number | undefined): number | undefined {
  const asked = headers.get('x-request-timeout-ms');
  if (asked === undefined) return configured;
  const ms = Number(asked);
  if (!/^\d{1,9}$/.test(asked) || ms === 0)
    throw new FieldError(
      ['header', 'x-request-timeout-ms'],
      'expected whole milliseconds above 0',
      'type_error.integer',
    );
  return Math.min(ms, configured ?? ms);
}
