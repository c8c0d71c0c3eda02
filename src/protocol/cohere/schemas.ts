export const INPUT_TYPES = [
  'search_document',
  'search_query',
  'classification',
  'clustering',
  'image',
] as const;
/** Of Cohere's, `START` is not served: CLIP's texts are cut at their end. */
export const TRUNCATES = ['END', 'NONE'] as const;
export const EMBEDDING_TYPES = ['float', 'int8', 'uint8', 'binary', 'ubinary', 'base64'] as const;
export type EmbeddingType = (typeof EMBEDDING_TYPES)[number];

const STRING = { type: 'string' };
const FILLED = { type: 'string', minLength: 1 };
const COUNT = { type: 'integer', minimum: 0 };
const NUMBERS = { type: 'array', items: { type: 'array', items: { type: 'number' } } };
const none = { type: 'null' };

const part = {
  anyOf: [
    { type: 'object', required: ['type', 'text'], properties: { type: { const: 'text' }, text: FILLED } },
    {
      type: 'object',
      required: ['type', 'image_url'],
      properties: {
        type: { const: 'image_url' },
        image_url: { type: 'object', required: ['url'], properties: { url: FILLED } },
      },
    },
  ],
};
const lists = {
  texts: { type: 'array', minItems: 1, items: FILLED },
  images: {
    type: 'array',
    minItems: 1,
    items: { ...FILLED, description: 'data: URI, http(s) URL or base64.' },
  },
  inputs: {
    type: 'array',
    minItems: 1,
    items: {
      type: 'object',
      required: ['content'],
      properties: { content: { type: 'array', minItems: 1, maxItems: 1, items: part } },
    },
  },
};

/** Of Cohere's API as far as it is served. */
export const COHERE_SCHEMAS = {
  EmbedRequest: {
    type: 'object',
    required: ['model', 'input_type'],
    properties: {
      model: STRING,
      input_type: { enum: INPUT_TYPES, description: 'Checked; CLIP makes no difference.' },
      embedding_types: {
        anyOf: [{ type: 'array', minItems: 1, items: { enum: EMBEDDING_TYPES } }, none],
        description: 'Default float.',
      },
      output_dimension: { type: ['integer', 'null'], minimum: 1 },
      truncate: { enum: [...TRUNCATES, null], description: 'Default END.' },
      max_tokens: none,
      priority: { type: ['integer', 'null'] },
    },
    anyOf: Object.entries(lists).map(([name, list]) => ({
      required: [name],
      properties: { texts: none, images: none, inputs: none, [name]: list },
    })),
  },
  EmbedResponse: {
    type: 'object',
    required: ['id', 'embeddings', 'meta', 'response_type'],
    properties: {
      id: STRING,
      embeddings: {
        type: 'object',
        minProperties: 1,
        properties: {
          float: NUMBERS,
          int8: NUMBERS,
          uint8: NUMBERS,
          binary: NUMBERS,
          ubinary: NUMBERS,
          base64: { type: 'array', items: STRING },
        },
      },
      texts: { type: 'array', items: STRING },
      meta: {
        type: 'object',
        required: ['api_version', 'billed_units'],
        properties: {
          api_version: { type: 'object', required: ['version'], properties: { version: { const: '2' } } },
          billed_units: {
            type: 'object',
            required: ['input_tokens', 'images'],
            properties: { input_tokens: COUNT, images: COUNT },
          },
          warnings: { type: 'array', items: STRING },
        },
      },
      response_type: { const: 'embeddings_by_type' },
    },
  },
  CohereFault: {
    type: 'object',
    required: ['message', 'code'],
    properties: { message: STRING, code: STRING },
  },
} as const;
