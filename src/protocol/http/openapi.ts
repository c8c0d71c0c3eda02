import type { Site } from '../site.ts';
import type { Route } from './route.ts';

/** OpenAPI 3.0.2 of the listed routes. */
export function openApi(
  { config, version }: Pick<Site, 'config' | 'version'>,
  routes: readonly Route[],
): object {
  const { title, description } = config.gateway;
  const paths: Record<string, Record<string, object>> = {};
  for (const { path, methods, summary, listed, probe } of routes) {
    if (!listed) continue;
    const takesDocuments = !probe && !methods.includes('GET');
    paths[path] = {
      ...paths[path],
      ...Object.fromEntries(
        methods.map((method) => [method.toLowerCase(), operation(summary, takesDocuments)]),
      ),
    };
  }
  return { openapi: '3.0.2', info: { title, description, version }, paths, components: { schemas: SCHEMAS } };
}

function operation(summary: string, takesDocuments: boolean): object {
  if (!takesDocuments) return { summary, responses: { 200: { description: 'Successful Response' } } };
  return {
    summary,
    requestBody: { required: true, content: json('JinaRequest') },
    responses: {
      200: { description: 'Successful Response', content: json('JinaResponse') },
      422: { description: 'Validation Error' },
    },
  };
}

function json(schema: string): object {
  return { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } };
}

const STRING = { type: 'string' };
const NUMBER = { type: 'number' };
const OBJECT = { type: 'object' };
const ARRAY = { type: 'array', items: {} };
const DOCUMENTS = { type: 'array', items: { $ref: '#/components/schemas/Document' } };

const SCHEMAS = {
  JinaRequest: {
    type: 'object',
    properties: {
      data: DOCUMENTS,
      execEndpoint: { ...STRING, default: '/' },
      targetExecutor: STRING,
      parameters: OBJECT,
    },
  },
  JinaResponse: {
    type: 'object',
    properties: { header: OBJECT, parameters: OBJECT, routes: ARRAY, data: DOCUMENTS },
  },
  Document: {
    type: 'object',
    properties: {
      id: STRING,
      parent_id: STRING,
      granularity: { type: 'integer' },
      adjacency: { type: 'integer' },
      blob: { ...STRING, format: 'byte' },
      tensor: ARRAY,
      mime_type: STRING,
      text: STRING,
      weight: NUMBER,
      uri: STRING,
      tags: OBJECT,
      offset: NUMBER,
      location: { type: 'array', items: NUMBER },
      embedding: ARRAY,
      modality: STRING,
      evaluations: OBJECT,
      scores: OBJECT,
      chunks: DOCUMENTS,
      matches: DOCUMENTS,
    },
  },
};
