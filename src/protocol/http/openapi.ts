import type { Site } from '../site.ts';
import type { Content, Operation } from './operation.ts';
import type { ApiRoute } from './route.ts';
import { SCHEMAS, type SchemaName } from './schemas.ts';

const STATUS_TEXTS: Readonly<Record<number, string>> = {
  400: 'The request is not what the route takes.',
  401: 'The API key is missing or wrong.',
  403: 'The configuration forbids what is asked for.',
  404: 'There is nothing of this name.',
  405: 'The path does not take this method.',
  408: 'The body came too slowly.',
  413: 'The request is larger than a limit.',
  414: 'The path is longer than the limit.',
  415: 'A content type or a compression is not read.',
  422: 'A field has the wrong type or value, or an item cannot be used.',
  424: 'A URL did not answer with a picture.',
  429: 'The server is full; Retry-After says when to come back.',
  431: 'The headers are larger than the limit.',
  500: 'A fault in the server.',
  503: 'The server takes no requests now; Retry-After says when to come back.',
  504: 'The time was up before the answer was ready.',
};
const TIMEOUT = {
  name: 'x-request-timeout-ms',
  in: 'header',
  description: 'Milliseconds after which no answer is wanted.',
  schema: { type: 'integer', minimum: 1, maximum: 999_999_999 },
} as const;

/** OpenAPI 3.1 of all routes. Of a path and method that several routes have, the first counts, as in serving. */
export function openApi(
  { config, version }: Pick<Site, 'config' | 'version'>,
  routes: readonly ApiRoute[],
): object {
  const { title, description, apiKeys } = config.gateway;
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.operation.path ?? route.path;
    for (const method of route.methods) {
      const entry = operationOf(route, apiKeys.length > 0);
      paths[path] = { [method.toLowerCase()]: entry, ...paths[path] };
    }
  }
  return {
    openapi: '3.1.0',
    info: { title, description, version },
    paths,
    components: {
      schemas: SCHEMAS,
      ...(apiKeys.length > 0 && { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } }),
    },
  };
}

function operationOf({ summary, operation, open = false }: ApiRoute, keyed: boolean): object {
  const { tag, body, answers, fault, faults, parameters = [] } = operation;
  const asksKey = keyed && !open;
  const statuses = [...new Set([...faults, ...(asksKey ? [401] : [])])].filter(
    (status) => !(status in answers),
  );
  return {
    tags: [tag],
    summary,
    ...((body || parameters.length > 0) && { parameters: parametersOf(operation) }),
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: ref(body) } } } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, content]) => [status, responseOf(content)]),
      ),
      ...Object.fromEntries(statuses.map((status) => [status, faultOf(status, fault)])),
    },
    ...(asksKey && { security: [{ apiKey: [] }] }),
  };
}

function parametersOf({ parameters = [], body }: Operation): object[] {
  const all = body ? [...parameters, TIMEOUT] : parameters;
  return all.map((parameter) => ({ ...parameter, required: parameter.in === 'path' }));
}

function responseOf({ description, types }: Content): object {
  const content = Object.entries(types).map(([type, schema]) => [
    type,
    { schema: schema ? ref(schema) : { type: 'string' } },
  ]);
  return { description, content: Object.fromEntries(content) };
}

function faultOf(status: number, schema: SchemaName): object {
  return { description: STATUS_TEXTS[status], content: { 'application/json': { schema: ref(schema) } } };
}

function ref(schema: SchemaName): object {
  return { $ref: `#/components/schemas/${schema}` };
}
