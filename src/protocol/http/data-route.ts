import { ClipError, type ErrorCode } from '../../errors.ts';
import type { Permit } from '../../service/item.ts';
import { answer } from '../jina/answer.ts';
import { openClock } from '../jina/clock.ts';
import { FieldError } from '../jina/field-error.ts';
import { parseJson } from '../jina/json.ts';
import { type JinaRequest, parseRequest } from '../jina/request.ts';
import { responseToJson } from '../jina/response.ts';
import { countFault } from '../limit.ts';
import { openPatience, type Patience } from '../patience.ts';
import type { Site } from '../site.ts';
import { bodyCoding } from './coding.ts';
import { bytesReply, isExecutorFault } from './fault.ts';
import type { Call, RouteHandler } from './route.ts';
import type { HttpRequest } from './server.ts';

export interface DataRouteOptions {
  /** The endpoint that the path stands for; undefined where the body names it. */
  readonly endpoint?: string | ((path: string) => string);
  /**
   * `reference`: as the reference's own routes, all or nothing, faults of documents inside a 200.
   * `own`: document by document; the HTTP status tells a failure.
   */
  readonly style: 'reference' | 'own';
}

/** A route that takes documents and gives them back with vectors or scores. */
export function dataRoute(site: Site, options: DataRouteOptions): RouteHandler {
  let warned = false;
  const warn = ({ parameters }: JinaRequest): void => {
    if (warned || !Object.hasOwn(parameters, 'traversal_paths')) return;
    warned = true;
    site.log.warn('the parameter traversal_paths is deprecated; access_paths is its name now');
  };
  return async (call) => {
    const { request } = call;
    checkMediaType(request, options.style);
    const timeoutMs = timeoutOf(request, site.config.gateway.requestTimeoutMs);
    // Admitted before the body is read: a full server does not take in what it cannot serve.
    const permit = site.service.admit();
    const patience = openPatience(request.signal, timeoutMs);
    const working: Promise<unknown>[] = [];
    try {
      return await serve(site, options, call, { permit, patience, working, warn });
    } finally {
      patience.close();
      // A client that leaves does not free its share before the work on its behalf has really ended.
      if (working.length === 0) permit.release();
      else void Promise.allSettled(working).then(() => permit.release());
    }
  };
}

interface Life {
  readonly permit: Permit;
  readonly patience: Patience;
  /** What runs on the request's behalf, until it has really ended. */
  readonly working: Promise<unknown>[];
  readonly warn: (request: JinaRequest) => void;
}

async function serve(
  site: Site,
  options: DataRouteOptions,
  call: Call,
  { permit, patience, working, warn }: Life,
): Promise<'ok' | ErrorCode> {
  const own = options.style === 'own';
  const clock = openClock();
  const { request, bytes } = await readRequest(site, options, call.request, { permit, patience });
  warn(request);
  const passage = site.metrics.jina.receive(bytes);
  try {
    const { signal, deadline } = patience;
    const context = { permit, signal, deadline, trace: call.trace };
    const run = answer(site, request, { context, clock, perDocument: own, passage });
    working.push(run.settled);
    const answered = await run.answer;
    const { error, failed } = answered;
    // What the executor raised is part of the reference's answer; everything else ends the request.
    if (error && failed === 'request' && (own || !isExecutorFault(error))) throw error;
    const body = await responseToJson(answered);
    const status = error && failed === 'all' ? error.kind.http : 200;
    const sent = await call.send(bytesReply(status, 'application/json', body));
    if (sent && !error) passage.succeeded(body.length);
    return sent ? (error?.code ?? 'ok') : 'cancelled';
  } finally {
    passage.failed();
  }
}

/** The body's bytes are free to go once this returns. */
async function readRequest(
  site: Site,
  { endpoint }: DataRouteOptions,
  request: HttpRequest,
  { permit, patience }: Pick<Life, 'permit' | 'patience'>,
): Promise<{ request: JinaRequest; bytes: number }> {
  const { limits } = site.config;
  try {
    const body = await request.body({
      limit: limits.requestBytes,
      count: (bytes) => permit.addBytes(bytes),
      coding: bodyCoding(request.headers.get('content-encoding')),
      signal: patience.signal,
    });
    const fixed = typeof endpoint === 'function' ? endpoint(request.path) : endpoint;
    const parsed = parseRequest(parseJson(body, limits.jsonDepth), limits.itemsPerRequest, fixed);
    return { request: parsed, bytes: body.length };
  } catch (error) {
    countFault(site.metrics, error);
    throw error;
  }
}

function checkMediaType({ headers }: HttpRequest, style: DataRouteOptions['style']): void {
  bodyCoding(headers.get('content-encoding'));
  const sent = headers.get('content-type');
  if (sent === undefined && style === 'own') return;
  if (/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(sent ?? '')) return;
  const fault = `expected content-type application/json, got ${sent ?? 'none'}`;
  if (style === 'own') throw new ClipError('unsupported_media_type', fault);
  throw new FieldError(['body'], fault, 'type_error.dict');
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
