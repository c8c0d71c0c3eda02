import type { Playground } from '../../playground/playground.ts';
import type { Site } from '../site.ts';
import { dryRun, versions } from '../status.ts';
import { dataRoute } from './data-route.ts';
import { docsPage } from './docs-page.ts';
import { bytesReply, jsonReply } from './fault.ts';
import { openApi } from './openapi.ts';
import { pageReply, playgroundRoutes, wantsPage } from './playground.ts';
import type { Route, RouteHandler } from './route.ts';
import type { HttpRequest, Reply } from './server.ts';

/** Every route of the HTTP protocol, in the order in which they are tried. */
export function createRoutes(site: Site): Route[] {
  const { debugEndpoints, crudEndpoints } = site.config.gateway;
  const routes = [
    ...exposedRoutes(site),
    ...(crudEndpoints ? crudRoutes(site) : []),
    ...(debugEndpoints ? [postRoute(site), ...debugRoutes(site)] : []),
    ...ownRoutes(site),
    ...probeRoutes(site, site.playground),
  ];
  // What the page alone asks for is no part of the API.
  const page = site.playground ? playgroundRoutes(site, site.playground) : [];
  return [...routes, ...documentRoutes(site, routes), ...page];
}

/** The routes that take no documents, for a port whose documents come by another protocol. */
export function createProbeRoutes(site: Site): Route[] {
  const routes = [...(site.config.gateway.debugEndpoints ? debugRoutes(site) : []), ...probeRoutes(site)];
  return [...routes, ...documentRoutes(site, routes)];
}

/** From `expose_endpoints`; they come first, so that a flow may give a path of ours the reference's manners. */
function exposedRoutes(site: Site): Route[] {
  return site.config.gateway.exposedEndpoints.map(({ path, methods, endpoint, summary }) => ({
    path,
    methods,
    summary: summary ?? `Send documents to ${endpoint}.`,
    listed: true,
    serve: dataRoute(site, { endpoint, style: 'reference' }),
  }));
}

/** Without an indexer these encode, as the reference does. */
function crudRoutes(site: Site): Route[] {
  const methods = { '/index': 'POST', '/search': 'POST', '/delete': 'DELETE', '/update': 'PUT' };
  return Object.entries(methods).map(([path, method]) => ({
    path,
    methods: [method],
    summary: `Send documents to ${path}.`,
    listed: true,
    serve: dataRoute(site, { endpoint: path, style: 'reference' }),
  }));
}

function postRoute(site: Site): Route {
  return {
    path: '/post',
    methods: ['POST'],
    summary: 'Send documents to any endpoint.',
    listed: true,
    serve: dataRoute(site, { style: 'reference' }),
  };
}

function debugRoutes(site: Site): Route[] {
  return [
    get('/status', 'Versions and environment.', () => jsonReply(200, versions(site))),
    {
      ...get('/dry_run', 'Whether a request would be served.', () => jsonReply(200, dryRun(site))),
      probe: true,
    },
  ];
}

/**
 * Not in the API document: from Jina 3.15 on, the Python client sends to `/encode`, `/rank` or `/default` where the
 * document lists them, and would then get HTTP errors where it expects the status inside a 200.
 */
function ownRoutes(site: Site): Route[] {
  const own = (path: string, summary: string, endpoint: string | ((path: string) => string)): Route => ({
    path,
    methods: ['POST'],
    summary,
    listed: false,
    serve: dataRoute(site, { endpoint, style: 'own' }),
  });
  return [
    own('/encode', 'Embed documents, each for itself.', '/encode'),
    own('/encode/*', 'Embed documents; the rest of the path is a model name and has no effect.', decoded),
    own('/rank', "Rank each document's matches.", '/rank'),
  ];
}

function probeRoutes({ health, metrics }: Site, playground?: Playground): Route[] {
  const probes = [
    get('/', 'Answers while the server lives.', (request) =>
      playground && wantsPage(request) ? pageReply(request, playground) : jsonReply(200, {}),
    ),
    get('/livez', 'Answers while the server lives.', () => jsonReply(200, { live: true })),
    get('/readyz', 'Whether requests are welcome.', () => {
      const state = health.ready();
      return jsonReply(state.ready ? 200 : 503, state);
    }),
    get('/metrics', 'Metrics for Prometheus.', async ({ headers }) => {
      const { contentType, body } = await metrics.page(headers.get('accept'));
      return bytesReply(200, contentType, Buffer.from(body));
    }),
  ];
  return probes.map((route) => ({ ...route, probe: true }));
}

function documentRoutes(site: Site, routes: readonly Route[]): Route[] {
  const api = Buffer.from(JSON.stringify(openApi(site, routes)));
  const page = Buffer.from(docsPage(site, routes));
  const html = () => bytesReply(200, 'text/html; charset=utf-8', page);
  return [
    get('/openapi.json', 'This API as OpenAPI 3.0.', () => bytesReply(200, 'application/json', api)),
    get('/docs', 'This list.', html),
    get('/redoc', 'This list.', html),
  ];
}

function get(path: string, summary: string, reply: (request: HttpRequest) => Reply | Promise<Reply>): Route {
  const serve: RouteHandler = async (call) =>
    (await call.send(await reply(call.request))) ? 'ok' : 'cancelled';
  return { path, methods: ['GET'], summary, listed: true, serve };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
