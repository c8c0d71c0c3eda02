import { ClipError, ERRORS, type ErrorCode } from '../../errors.ts';
import { openTrace, type Trace } from '../../observe/tracing.ts';
import { type KeyCheck, keyCheck } from '../api-keys.ts';
import { cohereFault, isCoherePath } from '../cohere/fault.ts';
import { isOpenAiPath, openAiFault } from '../openai/fault.ts';
import type { Site } from '../site.ts';
import { compressor } from './compress.ts';
import { allowOrigin, preflight } from './cors.ts';
import { faultReply } from './fault.ts';
import type { Call, Route } from './route.ts';
import type { HttpHandler, HttpRequest, Reply } from './server.ts';

/** Finds the route of each request, answers every fault, and counts. */
export function createRouter(site: Site, routes: readonly Route[]): HttpHandler {
  const exact = new Map<string, Route[]>();
  const prefixes = routes.filter(({ path }) => path.endsWith('/*'));
  for (const route of routes) exact.set(route.path, [...(exact.get(route.path) ?? []), route]);
  const candidates = (path: string): Route[] =>
    exact.get(path) ?? prefixes.filter((route) => path.startsWith(route.path.slice(0, -1)));

  const checkKey = keyCheck(site.config.gateway);
  const compress = compressor(site.config.gateway.httpCompression);
  return async (request, response) => {
    const started = performance.now();
    const { cors } = site.config.gateway;
    const found = candidates(request.path);
    const route = found.find(({ methods }) => allows(methods, request.method));
    const trace = traceOf(request, route);
    const call: Call = {
      request,
      trace,
      send: async (reply) => {
        const named = trace ? withTrace(trace, reply) : reply;
        return response.send(await compress(request, cors ? allowOrigin(request, named) : named));
      },
    };
    const early = cors ? preflight(request) : undefined;
    const fault = (route ?? found[0])?.fault ?? faultOf(request.path);
    const code = await answer(call, { route, found, early, checkKey, fault }).catch((error) =>
      refuse(site, call, fault, error),
    );
    observe(site, request, route, code, performance.now() - started);
    trace?.end(code === 'ok' ? undefined : new ClipError(code, ERRORS[code].sentence));
  };
}

/** Names and attributes are OpenTelemetry's for HTTP servers. Probes are too many to be of use. */
function traceOf({ method, path, headers }: HttpRequest, route: Route | undefined): Trace | undefined {
  if (!route || route.probe) return undefined;
  return openTrace((name) => headers.get(name), `${method} ${route.path}`, {
    'http.request.method': method,
    'http.route': route.path,
    'url.path': path,
  });
}

function withTrace(trace: Trace, reply: Reply): Reply {
  trace.set({ 'http.response.status_code': reply.status });
  return { ...reply, headers: { traceparent: trace.traceparent, ...reply.headers } };
}

/** What answers a path that is not served, in the manners of the API that it would be of. */
function faultOf(path: string): (thrown: unknown) => Reply {
  if (isOpenAiPath(path)) return openAiFault;
  return isCoherePath(path) ? cohereFault : faultReply;
}

function allows(methods: readonly string[], method: string): boolean {
  return methods.includes(method) || (method === 'HEAD' && methods.includes('GET'));
}

interface Finding {
  readonly route: Route | undefined;
  /** Of the path, whatever their methods. */
  readonly found: readonly Route[];
  /** The answer to a browser's question before the request itself. */
  readonly early: Reply | undefined;
  readonly checkKey: KeyCheck;
  /** The answer to what goes wrong. */
  readonly fault: (thrown: unknown) => Reply;
}

/** Synchronous as far as the route itself: a body must be asked for before the first await. */
async function answer(
  call: Call,
  { route, found, early, checkKey, fault: refusalOf }: Finding,
): Promise<'ok' | ErrorCode> {
  const { method, path, fault } = call.request;
  if (fault) throw fault;
  if (early) return (await call.send(early)) ? 'ok' : 'cancelled';
  const refusal = route?.open ? undefined : checkKey(call.request.headers.get('authorization'));
  if (refusal) throw refusal;
  if (route) return await route.serve(call);
  if (found.length === 0) throw new ClipError('not_found', `expected a path of this server, got ${path}`);
  const allow = found.flatMap(({ methods }) => methods).join(', ');
  const error = new ClipError('method_not_allowed', `expected ${allow} for ${path}, got ${method}`);
  const reply = refusalOf(error);
  await call.send({ ...reply, headers: { ...reply.headers, allow } });
  return error.code;
}

async function refuse(
  site: Site,
  call: Call,
  refusalOf: Finding['fault'],
  thrown: unknown,
): Promise<ErrorCode> {
  const error = ClipError.from(thrown);
  if (error.code === 'internal') site.log.error({ err: error, path: call.request.path }, 'a request failed');
  await call.send(refusalOf(error));
  return error.code;
}

function observe(
  { metrics, log, config }: Site,
  { method, path }: HttpRequest,
  route: Route | undefined,
  code: string,
  ms: number,
): void {
  // Only paths of our own become labels, so that their number is bounded.
  const labels = { protocol: 'http', route: route?.path ?? 'other' };
  metrics.requests.inc({ ...labels, code });
  metrics.requestSeconds.observe(labels, ms / 1000);
  if (route?.probe && !config.log.healthRequests) return;
  log.debug({ method, path, code, ms: Math.round(ms * 10) / 10 }, 'request');
}
