import type { ErrorCode } from '../../errors.ts';
import { answer } from '../jina/answer.ts';
import { type Clock, openClock } from '../jina/clock.ts';
import { FieldError } from '../jina/field-error.ts';
import { type JinaRequest, parseRequest } from '../jina/request.ts';
import { responseToJson } from '../jina/response.ts';
import type { Site } from '../site.ts';
import { bytesReply, isExecutorFault } from './fault.ts';
import { checkMediaType, jsonCall, type Life, mediaTypeFault } from './json-call.ts';
import type { Call, RouteHandler } from './route.ts';

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
    const fault = mediaTypeFault(request);
    if (fault && options.style === 'reference') throw new FieldError(['body'], fault, 'type_error.dict');
    if (fault) checkMediaType(request);
    const clock = openClock();
    return jsonCall(site, call, {
      parse: (body) => {
        const { endpoint } = options;
        const fixed = typeof endpoint === 'function' ? endpoint(request.path) : endpoint;
        return parseRequest(body, site.config.limits.itemsPerRequest, fixed);
      },
      serve: (parsed, life) => {
        warn(parsed);
        return serve(site, options, call, parsed, { ...life, clock });
      },
    });
  };
}

async function serve(
  site: Site,
  { style }: DataRouteOptions,
  call: Call,
  request: JinaRequest,
  { permit, patience, working, bytes, clock }: Life & { readonly clock: Clock },
): Promise<'ok' | ErrorCode> {
  const own = style === 'own';
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
