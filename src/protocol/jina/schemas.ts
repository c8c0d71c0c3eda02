const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

/** As pydantic, the reader takes numbers for strings and numeric strings for numbers. */
const STRING = { type: ['string', 'number', 'null'] };
const NUMBER = { type: ['number', 'string', 'null'] };
const OBJECT = { type: ['object', 'null'] };
const ARRAY = { type: ['array', 'null'] };
const DOCUMENTS = { type: ['array', 'null'], items: ref('Document') };
const SCORES = { type: ['object', 'null'], additionalProperties: ref('NamedScore') };
const TEXT_OR_NULL = { type: ['string', 'null'] };
const NUMBER_OR_NULL = { type: ['number', 'null'] };

/** docarray's document as a request may have it. */
const DOCUMENT = {
  type: 'object',
  properties: {
    id: STRING,
    parent_id: STRING,
    granularity: NUMBER,
    adjacency: NUMBER,
    blob: { ...TEXT_OR_NULL, contentEncoding: 'base64', description: "A picture's file." },
    tensor: { ...ARRAY, description: 'Height × width × channels of a picture, 0 to 255.' },
    mime_type: STRING,
    text: STRING,
    weight: NUMBER,
    uri: { ...STRING, description: 'A picture as data: URI, or as URL that the server loads.' },
    tags: OBJECT,
    offset: NUMBER,
    location: ARRAY,
    embedding: ARRAY,
    modality: STRING,
    evaluations: SCORES,
    scores: SCORES,
    chunks: DOCUMENTS,
    matches: DOCUMENTS,
  },
};

/** … and as an answer has it: the same keys, the answer's types, and why it has no vector. */
const ANSWERED = {
  type: 'object',
  required: Object.keys(DOCUMENT.properties),
  properties: {
    ...Object.fromEntries(Object.keys(DOCUMENT.properties).map((key) => [key, TEXT_OR_NULL])),
    granularity: NUMBER_OR_NULL,
    adjacency: NUMBER_OR_NULL,
    weight: NUMBER_OR_NULL,
    offset: NUMBER_OR_NULL,
    tensor: ARRAY,
    location: { ...ARRAY, items: { type: 'number' } },
    embedding: { type: ['array', 'string', 'null'], description: 'A string where base64 was asked for.' },
    tags: OBJECT,
    evaluations: SCORES,
    scores: SCORES,
    chunks: { ...ARRAY, items: ref('AnsweredDocument') },
    matches: { ...ARRAY, items: ref('AnsweredDocument') },
    error: ref('CodedError'),
  },
};

const STATUS = {
  type: 'object',
  required: ['code', 'description', 'exception'],
  properties: { code: { type: 'integer' }, description: { type: 'string' }, exception: OBJECT },
};

export const JINA_SCHEMAS = {
  JinaRequest: {
    type: ['object', 'array'],
    maxItems: 0,
    description: 'An empty list stands for an object without keys.',
    properties: {
      data: {
        anyOf: [DOCUMENTS, { type: 'object', properties: { docs: DOCUMENTS } }],
        description: 'Documents, or an object that has them under docs.',
      },
      execEndpoint: { ...STRING, description: 'Read on /post alone.' },
      targetExecutor: STRING,
      parameters: OBJECT,
    },
  },
  JinaResponse: {
    type: 'object',
    required: ['header', 'parameters', 'routes', 'data'],
    properties: {
      header: {
        type: 'object',
        required: ['requestId', 'status', 'execEndpoint', 'targetExecutor'],
        properties: { status: { anyOf: [{ type: 'null' }, STATUS] } },
      },
      parameters: { type: 'object' },
      routes: { type: 'array', items: { type: 'object' } },
      data: { type: 'array', items: ref('AnsweredDocument') },
    },
  },
  Document: DOCUMENT,
  AnsweredDocument: ANSWERED,
  NamedScore: {
    type: 'object',
    properties: { value: NUMBER, op_name: STRING, description: STRING, ref_id: STRING },
  },
  CodedError: {
    type: 'object',
    required: ['code', 'message'],
    properties: { code: { type: 'string' }, message: { type: 'string' } },
  },
  DryRun: {
    ...STATUS,
    description: 'Code 0 where a request would be served.',
  },
  JinaFault: {
    anyOf: [
      {
        type: 'object',
        required: ['detail'],
        properties: {
          detail: {
            anyOf: [
              { type: 'string' },
              {
                type: 'array',
                items: {
                  type: 'object',
                  required: ['loc', 'msg', 'type'],
                  properties: { loc: { type: 'array' }, msg: { type: 'string' }, type: { type: 'string' } },
                },
              },
            ],
          },
        },
      },
      { type: 'object', required: ['header', 'error'], properties: { error: ref('CodedError') } },
      ref('JinaResponse'),
    ],
  },
} as const;
