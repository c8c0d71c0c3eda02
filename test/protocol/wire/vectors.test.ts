import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClipError } from '../../../src/errors.ts';
import type { Document } from '../../../src/protocol/jina/document.ts';
import type { JinaRequest } from '../../../src/protocol/jina/request.ts';
import { decodeRequest, encodeRequest } from '../../../src/protocol/jina/wire/request.ts';
import { decodeResponse, encodeResponse } from '../../../src/protocol/jina/wire/response.ts';
import { decodeStatus, encodeStatus } from '../../../src/protocol/jina/wire/status.ts';

const LIMITS = { itemsPerRequest: 100, jsonDepth: 100, valuesPerRequest: 100_000 };
const bytes = (...hex: string[]) => Buffer.from(hex.join('').replaceAll(' ', ''), 'hex');
const hex = (message: Uint8Array) => Buffer.from(message).toString('hex');
/** A request of nothing but documents, each given as its own bytes. */
const envelope = (...documents: Buffer[]) => {
  const wrap = (tag: number, inner: Buffer) => Buffer.concat([Buffer.from([tag, inner.length]), inner]);
  return wrap(0x22, wrap(0x0a, Buffer.concat(documents.map((document) => wrap(0x0a, document)))));
};
const id = (digit: string) => `0a20${Buffer.from(digit.repeat(32)).toString('hex')}`;
const answered = (request: Partial<JinaRequest>): JinaRequest => ({
  documents: [],
  parameters: {},
  ...request,
});

test('a request of the Python client: read as sent, written as the client writes it', () => {
  const message = bytes(
    '0a0d0a0272311a072f656e636f6465',
    '121a0a180a1264726f705f696d6167655f636f6e74656e7412022001',
    '220b0a090a070a016122026869',
  );
  const request = {
    requestId: 'r1',
    endpoint: '/encode',
    targetExecutor: undefined,
    parameters: { drop_image_content: true },
    documents: [{ id: 'a', text: 'hi' }],
  };
  assert.deepEqual(decodeRequest(message, LIMITS), request);
  assert.equal(hex(encodeRequest(request)), hex(message));
});

test('the parameters of profile', () => {
  const message = bytes('12130a110a0b5f5f726573756c74735f5f12022a00');
  const { parameters } = decodeRequest(message, LIMITS);
  assert.deepEqual(parameters, { __results__: {} });
  assert.ok(hex(encodeRequest({ requestId: 'r1', parameters, documents: [] })).includes(hex(message)));
});

test('the smallest response: one vector', () => {
  const document = '22250a230a21 0a016182011b0a120a080000803f000000401201021a033c66341a056e756d7079';
  const response = encodeResponse({
    request: answered({ documents: [{ id: 'a', embedding: Float32Array.of(1, 2) }] }),
    routes: [],
  });
  assert.equal(hex(response), `0a022200${hex(bytes(document))}`);
  assert.deepEqual(decodeResponse(response).documents, [{ id: 'a', embedding: Float32Array.of(1, 2) }]);
});

test('the header of an error', () => {
  const header = bytes('0a240a027231121308011201641a0c0a01451201611a01732201581a072f656e636f64652200');
  assert.deepEqual(decodeResponse(header), {
    requestId: 'r1',
    status: {
      code: 1,
      description: 'd',
      exception: { name: 'E', args: ['a'], stacks: ['s'], executor: 'X' },
    },
    parameters: {},
    routes: [],
    documents: [],
  });
  const error = new ClipError('invalid_image', 'no picture');
  const written = decodeResponse(
    encodeResponse({ request: answered({ requestId: 'r1', endpoint: '/encode' }), error, routes: [] }),
  );
  assert.deepEqual(written.status, {
    code: 1,
    description: "UnidentifiedImageError('no picture')",
    exception: {
      name: 'UnidentifiedImageError',
      args: ['no picture', 'invalid_image'],
      stacks: [],
      executor: 'CLIPEncoder',
    },
  });
  assert.deepEqual(decodeStatus(encodeStatus(error)), written.status);
  assert.equal(encodeStatus(undefined).length, 0);
});

test('a route', () => {
  const start = 1_700_000_000_000_000;
  const response = encodeResponse({
    request: answered({}),
    routes: [{ executor: 'gateway', start, end: start + 5000 }],
  });
  const route = '1a1e0a0767617465776179 12060880e2cfaa06 1a0b0880e2cfaa0610c096b102';
  assert.ok(hex(response).includes(hex(bytes(route))));
  assert.deepEqual(decodeResponse(response).routes, [{ executor: 'gateway', start, end: start + 5000 }]);
});

const DOCUMENTS: Record<string, { encoded: Buffer; read?: Partial<Document> }> = {
  text: { encoded: bytes(id('0'), '22026869'), read: { text: 'hi' } },
  embedding: { encoded: bytes(id('1'), '82011b0a120a080000803f000000401201021a033c66341a056e756d7079') },
  'blob and uri': {
    encoded: bytes(id('2'), '1202ffd84a05612e6a70675a0a696d6167652f6a706567'),
    read: { blob: bytes('ffd8'), uri: 'a.jpg', mimeType: 'image/jpeg' },
  },
  tensor: { encoded: bytes(id('3'), '1a1b0a120a0600000000000012030102031a037c75311a056e756d7079') },
  'match with a score': {
    encoded: bytes(
      id('4'),
      '2201717a46',
      id('5'),
      '22016d300192011c0a0a636c69705f73636f7265120e0d0000003f1207736f66746d6178',
    ),
    read: {
      text: 'q',
      matches: [
        {
          id: '5'.repeat(32),
          text: 'm',
          adjacency: 1,
          scores: { clip_score: { value: 0.5, opName: 'softmax' } },
        },
      ],
    },
  },
};

for (const [name, { encoded, read }] of Object.entries(DOCUMENTS)) {
  test(`a document goes back byte for byte: ${name}`, () => {
    const { documents, fault } = decodeRequest(envelope(encoded), LIMITS);
    assert.equal(fault, undefined);
    assert.equal(documents.length, 1);
    if (read) assert.deepEqual(documents[0], { id: documents[0]!.id, ...read });
    assert.ok(hex(encodeResponse({ request: answered({ documents }), routes: [] })).endsWith(hex(encoded)));
  });
}
