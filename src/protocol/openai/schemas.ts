const STRING = { type: 'string' };
const COUNT = { type: 'integer', minimum: 0 };
const ids = { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 1 };
const item = {
  anyOf: [
    { type: 'string', minLength: 1, description: 'A text; a picture where it is a data: URI of one.' },
    { ...ids, description: 'A text as ids of CLIP’s own tokeniser, with start and end token.' },
    {
      type: 'object',
      required: ['text'],
      properties: { text: { type: 'string', minLength: 1 }, image: { type: 'null' } },
    },
    {
      type: 'object',
      required: ['image'],
      properties: {
        image: { type: 'string', minLength: 1, description: 'data: URI, http(s) URL or base64.' },
        text: { type: 'null' },
      },
    },
  ],
};

/** Of OpenAI's API as far as it is served, with what Jina's and Infinity's APIs add to it. */
export const OPENAI_SCHEMAS = {
  EmbeddingsRequest: {
    type: 'object',
    required: ['model', 'input'],
    properties: {
      model: STRING,
      input: { anyOf: [...item.anyOf, { type: 'array', items: item, minItems: 1 }] },
      modality: { enum: ['text', 'image', null], description: 'What plain strings are.' },
      dimensions: { type: ['integer', 'null'], minimum: 1 },
      encoding_format: { enum: ['float', 'base64', null] },
      embedding_type: {
        enum: ['float', 'float32', 'float16', 'int8', 'uint8', 'binary', 'ubinary', null],
      },
      normalize: { type: ['boolean', 'null'], description: 'Default true.' },
      user: { type: ['string', 'null'] },
    },
  },
  EmbeddingsResponse: {
    type: 'object',
    required: ['object', 'data', 'model', 'usage'],
    properties: {
      object: { const: 'list' },
      data: {
        type: 'array',
        minItems: 1,
        items: {
          type: 'object',
          required: ['object', 'index', 'embedding'],
          properties: {
            object: { const: 'embedding' },
            index: COUNT,
            embedding: { anyOf: [{ type: 'array', items: { type: 'number' } }, STRING] },
          },
        },
      },
      model: STRING,
      usage: {
        type: 'object',
        required: ['prompt_tokens', 'total_tokens'],
        properties: { prompt_tokens: COUNT, total_tokens: COUNT },
      },
      warnings: { type: 'array', items: STRING },
    },
  },
  Model: {
    type: 'object',
    required: ['id', 'object', 'created', 'owned_by'],
    properties: {
      id: STRING,
      object: { const: 'model' },
      created: COUNT,
      owned_by: STRING,
      dimensions: COUNT,
      context_length: COUNT,
      resolution: COUNT,
    },
  },
  Models: {
    type: 'object',
    required: ['object', 'data'],
    properties: {
      object: { const: 'list' },
      data: { type: 'array', items: { $ref: '#/components/schemas/Model' } },
    },
  },
  OpenAiFault: {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['message', 'type', 'param', 'code'],
        properties: {
          message: STRING,
          type: STRING,
          param: { type: ['string', 'null'] },
          code: { type: ['string', 'null'] },
        },
      },
    },
  },
} as const;
