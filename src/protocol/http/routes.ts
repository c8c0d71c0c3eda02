import type { Playground } from '../../playground/playground.ts';
import { cohereRoutes } from '../cohere/routes.ts';
import { openAiRoutes } from '../openai/routes.ts';
import type { Site } from '../site.ts';
import { dryRun, versions } from '../status.ts';
import { dataRoute } from './data-route.ts';
import { docsPage } from './docs-page.ts';
import { bytesReply, jsonReply } from './fault.ts';
import { openApi } from './openapi.ts';
import { faultStatuses, jsonContent, type Operation } from './operation.ts';
import { pageReply, playgroundRoutes, wantsPage } from './playground.ts';
import type { ApiRoute, Route, RouteHandler } from './route.ts';
import type { SchemaName } from './schemas.ts';
import type { HttpRequest, Reply } from './server.ts';

const DOCUMENTS: Operation = {
  tag: 'Jina',
  body: 'JinaRequest',
  answers: { 200: jsonContent('JinaResponse') },
  fault: 'JinaFault',
  faults: faultStatuses('body'),
};
const OWN_PATH: Pick<Operation, 'path' | 'parameters'> = {
  path: '/{operation}',
  parameters: [
    {
      name: 'operation',
      in: 'path',
      description: 'What is done with the documents.',
      schema: { enum: ['encode', 'rank'] },
    },
  ],
};
const MODEL_PATH: Pick<Operation, 'path' | 'parameters'> = {
  path: '/encode/{model}',
  parameters: [
    { name: 'model', in: 'path', description: 'Anything.', schema: { type: 'string', minLength: 1 } },
  ],
};
const READINESS = {
  200: jsonContent('Readiness', 'Requests are welcome.'),
  503: jsonContent('Readiness', 'Requests are not welcome, for these reasons.'),
};
const EXPOSITION: Operation['answers'] = {
  200: {
    description: 'In the format that the request accepts.',
    types: { 'text/plain': undefined, 'application/openmetrics-text': undefined },
  },
};
const PAGE: Operation['answers'] = { 200: { description: 'A page.', types: { 'text/html': undefined } } };

const HOME: Operation['answers'] = {
  200: {
    description: 'To a browser, the page on which the model can be tried.',
    types: { 'application/json': 'Empty', 'text/html': undefined },
  },
};

/** Every route of the HTTP protocol, in the order in which they are tried. */
export function createRoutes(site: Site): Route[] {
  const { debugEndpoints, crudEndpoints } = site.config.gateway;
  const routes = [
    ...exposedRoutes(site),
    ...(crudEndpoints ? crudRoutes(site) : []),
    ...(debugEndpoints ? [postRoute(site), ...debugRoutes(site)] : []),
    ...ownRoutes(site),
    ...openAiRoutes(site),
    ...cohereRoutes(site),
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
function exposedRoutes(site: Site): ApiRoute[] {
  return site.config.gateway.exposedEndpoints.map(({ path, methods, endpoint, summary }) => ({
    path,
    methods,
    summary: summary ?? `Send documents to ${endpoint}.`,
    operation: DOCUMENTS,
    serve: dataRoute(site, { endpoint, style: 'reference' }),
  }));
}

/** Without an indexer these encode, as the reference does. */
function crudRoutes(site: Site): ApiRoute[] {
  const methods = { '/index': 'POST', '/search': 'POST', '/delete': 'DELETE', '/update': 'PUT' };
  return Object.entries(methods).map(([path, method]) => ({
    path,
    methods: [method],
    summary: `Send documents to ${path}.`,
    operation: DOCUMENTS,
    serve: dataRoute(site, { endpoint: path, style: 'reference' }),
  }));
}

function postRoute(site: Site): ApiRoute {
  return {
    path: '/post',
    methods: ['POST'],
    summary: 'Send documents to any endpoint.',
    operation: DOCUMENTS,
    serve: dataRoute(site, { style: 'reference' }),
  };
}

function debugRoutes(site: Site): ApiRoute[] {
  return [
    get('/status', 'Versions and environment.', 'Versions', () => jsonReply(200, versions(site))),
    {
      ...get('/dry_run', 'Whether a request would be served.', 'DryRun', () => jsonReply(200, dryRun(site))),
      probe: true,
      open: true,
    },
  ];
}

/**
 * In the API document their paths have a parameter: from Jina 3.15 on, the Python client sends to `/encode` and `/rank` where
 * the document lists them by these names, and would then get HTTP errors where it expects the status inside a 200.
 */
function ownRoutes(site: Site): ApiRoute[] {
  const own = (
    path: string,
    summary: string,
    endpoint: string | ((path: string) => string),
    documented: Pick<Operation, 'path' | 'parameters'>,
  ): ApiRoute => ({
    path,
    methods: ['POST'],
    summary,
    // A parameter may name another path.
    operation: { ...DOCUMENTS, faults: [...faultStatuses('items'), 404, 405], ...documented },
    serve: dataRoute(site, { endpoint, style: 'own' }),
  });
  return [
    own('/encode', 'Embed documents, each for itself; or rank the matches of each.', '/encode', OWN_PATH),
    own(
      '/encode/*',
      'Embed documents; the rest of the path is a model name and has no effect.',
      decoded,
      MODEL_PATH,
    ),
    own('/rank', "Rank each document's matches.", '/rank', OWN_PATH),
  ];
}

function probeRoutes({ health, metrics }: Site, playground?: Playground): ApiRoute[] {
  const open = [
    get('/', 'Answers while the server lives.', playground ? HOME : 'Empty', (request) =>
      playground && wantsPage(request) ? pageReply(request, playground) : jsonReply(200, {}),
    ),
    get('/livez', 'Answers while the server lives.', 'Life', () => jsonReply(200, { live: true })),
    get('/readyz', 'Whether requests are welcome.', READINESS, () => {
      const state = health.ready();
      return jsonReply(state.ready ? 200 : 503, state);
    }),
  ];
  const closed = [
    get('/metrics', 'Metrics for Prometheus.', EXPOSITION, async ({ headers }) => {
      const { contentType, body } = await metrics.page(headers.get('accept'));
      return bytesReply(200, contentType, Buffer.from(body));
    }),
  ];
  return [...open.map((route) => ({ ...route, open: true })), ...closed].map((route) => ({
    ...route,
    probe: true,
  }));
}

function documentRoutes(site: Site, routes: readonly ApiRoute[]): ApiRoute[] {
  const documents: ApiRoute[] = [
    get('/openapi.json', 'This API as OpenAPI 3.1.', 'ApiDocument', () =>
      bytesReply(200, 'application/json', api),
    ),
    get('/docs', 'This list.', PAGE, () => html),
    get('/redoc', 'This list.', PAGE, () => html),
  ];
  const api = Buffer.from(JSON.stringify(openApi(site, [...routes, ...documents])));
  const page = Buffer.from(docsPage(site, routes));
  const html = bytesReply(200, 'text/html; charset=utf-8', page);
  return documents;
}

function get(
  path: string,
  summary: string,
  answers: SchemaName | Operation['answers'],
  reply: (request: HttpRequest) => Reply | Promise<Reply>,
): ApiRoute {
  const serve: RouteHandler = async (call) =>
    (await call.send(await reply(call.request))) ? 'ok' : 'cancelled';
  const operation: Operation = {
    tag: 'State',
    answers: typeof answers === 'string' ? { 200: jsonContent(answers) } : answers,
    fault: 'JinaFault',
    faults: faultStatuses('head'),
  };
  return { path, methods: ['GET'], summary, operation, serve };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
