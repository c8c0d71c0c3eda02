import { COHERE_SCHEMAS } from '../cohere/schemas.ts';
import { JINA_SCHEMAS } from '../jina/schemas.ts';
import { OPENAI_SCHEMAS } from '../openai/schemas.ts';

const STATE_SCHEMAS = {
  Empty: { type: 'object', maxProperties: 0 },
  Life: { type: 'object', required: ['live'], properties: { live: { const: true } } },
  Readiness: {
    type: 'object',
    required: ['ready', 'reasons'],
    properties: { ready: { type: 'boolean' }, reasons: { type: 'array', items: { type: 'string' } } },
  },
  Versions: {
    type: 'object',
    required: ['jina', 'envs'],
    properties: {
      jina: { type: 'object', additionalProperties: { type: 'string' } },
      envs: { type: 'object', additionalProperties: { type: 'string' } },
    },
  },
  ApiDocument: { type: 'object', required: ['openapi', 'info', 'paths'] },
} as const;

/** The schemas (JSON Schema 2020-12) of the API document by their names. */
export const SCHEMAS = { ...JINA_SCHEMAS, ...OPENAI_SCHEMAS, ...COHERE_SCHEMAS, ...STATE_SCHEMAS };
export type SchemaName = keyof typeof SCHEMAS;
