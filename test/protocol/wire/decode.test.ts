import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClipError, type ErrorCode } from '../../../src/errors.ts';
import { Encoded } from '../../../src/protocol/jina/document.ts';
import { toItem } from '../../../src/protocol/jina/to-item.ts';
import { decodeRequest } from '../../../src/protocol/jina/wire/request.ts';
import { decodeResponse, encodeResponse } from '../../../src/protocol/jina/wire/response.ts';
import { dataOf, dense, float, number, requestOf, sized, varint } from './bytes.ts';

const LIMITS = { itemsPerRequest: 10, jsonDepth: 100, valuesPerRequest: 100 };
const hex = (message: Uint8Array) => Buffer.from(message).toString('hex');
const read = (message: Uint8Array, limits = LIMITS) => {
  const request = decodeRequest(message, limits);
  if (request.fault) throw request.fault;
  return request;
};
const one = (...fields: Buffer[]) => read(requestOf(fields)).documents[0]!;
const code =
  (expected: ErrorCode, text = '') =>
  (error: unknown) =>
    error instanceof ClipError && error.code === expected && error.message.includes(text);

test('blobs and arrays are views of the message', () => {
  const message = requestOf(
    [sized(1, 'a'), sized(2, Buffer.alloc(1000, 7))],
    [sized(1, 'b'), sized(3, dense(Buffer.alloc(12), [2, 2, 3], '|u1'))],
  );
  const [blob, tensor] = read(message).documents;
  assert.equal(blob!.blob!.buffer, message.buffer);
  const item = toItem(tensor!);
  assert.ok(item?.kind === 'tensor');
  assert.equal(item.tensor.data.buffer, message.buffer);
});

test('of text, blob and tensor the last counts, also where it is empty', () => {
  const [text, blob, tensor] = [sized(4, 'x'), sized(2, 'y'), sized(3, dense(Buffer.of(1), [1], '|u1'))];
  const content = (...fields: Buffer[]) => {
    const document = one(...fields);
    return ['text', 'blob', 'tensor'].filter((key) => Object.hasOwn(document, key));
  };
  assert.deepEqual(content(text, blob), ['blob']);
  assert.deepEqual(content(blob, tensor), ['tensor']);
  assert.deepEqual(content(tensor, text), ['text']);
  assert.deepEqual(content(tensor, sized(4, '')), []);
  assert.deepEqual(content(text, sized(2, '')), []);
});

test('a message in pieces is one message', () => {
  const tags = (key: string) => sized(1, sized(1, key), sized(2, number(4, 1)));
  const document = one(sized(17, tags('a')), sized(1, 'first'), sized(17, tags('b')), sized(1, 'last'));
  assert.equal(document.id, 'last');
  assert.ok(document.tags instanceof Encoded);
  assert.equal(hex(document.tags.bytes), hex(Buffer.concat([tags('a'), tags('b')])));
  const array = dense(Buffer.of(1, 2), [2, 1], '|u1');
  const tensor = one(sized(3, array), sized(3, sized(3, 'numpy'))).tensor;
  assert.ok(tensor instanceof Encoded);
  assert.equal(hex(tensor.bytes), hex(Buffer.concat([array, sized(3, 'numpy')])));

  const whole = Buffer.concat([
    sized(1, sized(1, 'old'), sized(3, '/a')),
    sized(2, tags('x')),
    dataOf([sized(1, 'a')]),
    sized(1, sized(1, 'new')),
    sized(2, tags('y')),
    dataOf([sized(1, 'b')]),
  ]);
  const request = read(whole);
  assert.deepEqual(
    [request.requestId, request.endpoint, request.parameters],
    ['new', '/a', { x: true, y: true }],
  );
  assert.deepEqual(
    request.documents.map(({ id }) => id),
    ['a', 'b'],
  );
});

test('packed and single numbers are the same', () => {
  const floats = Buffer.alloc(8);
  floats.writeFloatLE(1.5);
  floats.writeFloatLE(-2, 4);
  assert.deepEqual(one(sized(13, floats)).location, [1.5, -2]);
  assert.deepEqual(one(float(13, 1.5), float(13, -2)).location, [1.5, -2]);
  const single = sized(
    1,
    sized(1, Buffer.alloc(6)),
    number(2, 1),
    number(2, 2),
    number(2, 3),
    sized(3, '|u1'),
  );
  assert.deepEqual(toItem(one(sized(3, single))), {
    kind: 'tensor',
    tensor: { shape: [1, 2, 3], data: Buffer.alloc(6) },
  });
});

test('unknown fields of every kind are stepped over', () => {
  const group = (inner: Buffer) => Buffer.concat([varint(99 * 8 + 3), inner, varint(99 * 8 + 4)]);
  const unknown = [
    number(99, 2 ** 40),
    sized(99, 'x'),
    float(99, 1),
    Buffer.concat([varint(99 * 8 + 1), Buffer.alloc(8)]),
    group(group(sized(1, 'not an id'))),
    // Known numbers with another wire type.
    number(1, 5),
    sized(8, 'x'),
  ];
  assert.deepEqual(one(sized(1, 'a'), ...unknown, sized(4, 'hi')), { id: 'a', text: 'hi' });
  const request = read(Buffer.concat([...unknown.slice(0, 5), requestOf([sized(1, 'a')])]));
  assert.equal(request.requestId, 'r1');
});

test('an empty id is replaced, defaults are absent, and the endpoint is kept as it came', () => {
  const document = one(number(5, 0), float(8, 0), sized(7, ''), sized(17, ''), sized(16, ''));
  assert.match(document.id, /^[0-9a-f]{32}$/);
  for (const value of Object.values(document).slice(1)) assert.equal(value, undefined);
  const endpoint = (...fields: Buffer[]) => read(sized(1, ...fields)).endpoint;
  assert.equal(endpoint(sized(3, '')), '');
  assert.equal(endpoint(sized(1, 'x')), undefined);
});

test('a member called __proto__ is a member', () => {
  const member = (tag: number) => sized(tag, sized(1, sized(1, '__proto__'), sized(2, number(4, 1))));
  const { parameters } = read(member(2));
  assert.deepEqual(Object.keys(parameters), ['__proto__']);
  assert.equal(Object.getPrototypeOf(parameters), Object.prototype);
  const { scores } = one(sized(18, sized(1, '__proto__'), sized(2, float(1, 1))));
  assert.deepEqual(Object.keys(scores!), ['__proto__']);
});

test('an envelope that cannot be read has no answer', () => {
  const bad: Record<string, Buffer> = {
    empty: Buffer.alloc(0),
    'cut length': Buffer.of(0x0a),
    'past the end': Buffer.of(0x0a, 5, 1),
    'field number 0': Buffer.of(0x02, 0),
    'wire type 6': Buffer.of(0x0e),
    'end of no group': Buffer.of(0x0c),
    'group without end': Buffer.of(0x2b, 0x08, 1),
    'another group ends': Buffer.of(0x2b, 0x34),
    'long number': Buffer.concat([Buffer.of(0x28), Buffer.alloc(10, 0x80), Buffer.of(0)]),
    'cut number': Buffer.of(0x28, 0x80),
    'negative length': Buffer.concat([Buffer.of(0x0a), Buffer.alloc(9, 0xff), Buffer.of(1)]),
    'huge tag': Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff, 1),
    'cut float': Buffer.of(0x2d, 0, 0),
    'cut double': Buffer.of(0x29, 0, 0, 0, 0),
    'header past its end': sized(1, Buffer.of(0x0a, 5, 1)),
    'id that is not UTF-8': sized(1, sized(1, Buffer.of(0xc3, 0x28))),
    'surrogate in the endpoint': sized(1, sized(3, Buffer.of(0xed, 0xa0, 0x80))),
  };
  for (const [name, message] of Object.entries(bad))
    assert.throws(() => decodeRequest(message, LIMITS), code('invalid_request'), name);
  // A number of ten bytes is the longest there is.
  read(Buffer.concat([Buffer.of(0x28), Buffer.alloc(9, 0xff), Buffer.of(1)]));
});

test('what is wrong below the envelope is the answer to its request, with the place', () => {
  const array = (inner: Buffer) => sized(16, inner);
  const bad: Record<string, [Buffer[], string]> = {
    'cut document': [[Buffer.of(0x0a, 9, 1)], 'data.docs.0: '],
    'text that is not UTF-8': [[sized(4, Buffer.of(0xff))], 'not UTF-8'],
    'chunk of a match': [[sized(15, sized(14, Buffer.of(0x0a, 1)))], 'data.docs.0.matches.0.chunks.0: '],
    'broken tags': [[sized(17, sized(1, sized(1, Buffer.of(0xc0))))], 'not UTF-8'],
    'broken metadata': [[sized(20, Buffer.of(0x0a, 1))], 'passes the end'],
    'broken array': [[array(sized(1, Buffer.of(0x1a, 1)))], 'passes the end'],
    'broken sparse array': [[array(sized(2, sized(1, sized(3, Buffer.of(0xff)))))], 'not UTF-8'],
    'broken score': [[sized(18, sized(2, Buffer.of(0x0d)))], 'passes the end'],
  };
  for (const [name, [fields, text]] of Object.entries(bad)) {
    const { requestId, endpoint, documents, fault } = decodeRequest(requestOf(fields), LIMITS);
    assert.deepEqual([requestId, endpoint, documents], ['r1', '/encode', []], name);
    assert.ok(code('invalid_request', text)(fault), `${name}: ${fault?.message}`);
  }
  const { requestId, fault } = decodeRequest(
    Buffer.concat([sized(2, Buffer.of(0x0a, 1)), requestOf()]),
    LIMITS,
  );
  assert.equal(requestId, 'r1');
  assert.ok(code('invalid_request')(fault));
});

test('a pickle is refused and never read, unless documents follow it', () => {
  const pickle = sized(4, sized(2, 'cos\nsystem\n'));
  const header = requestOf();
  const { requestId, fault } = decodeRequest(Buffer.concat([header, pickle]), LIMITS);
  assert.equal(requestId, 'r1');
  assert.ok(code('invalid_request', 'pickle')(fault));
  assert.throws(() => read(Buffer.concat([dataOf([sized(1, 'a')]), pickle])), code('invalid_request'));
  assert.equal(read(Buffer.concat([pickle, dataOf([sized(1, 'a')])])).documents.length, 1);
  assert.throws(() => decodeResponse(pickle), code('invalid_request', 'pickle'));
});

test('documents of all levels are counted: at the limit, above, far above', () => {
  const chunks = (count: number) => Buffer.alloc(count * 5, sized(14, sized(1, 'c')));
  assert.equal(one(chunks(9)).chunks!.length, 9);
  assert.throws(() => one(chunks(10)), code('too_many_items', 'at most 10'));
  assert.throws(() => one(chunks(100_000)), code('too_many_items'));
});

test('messages inside one another: at the limit, above, far above', () => {
  // The content, the array and the document are three.
  const nested = (levels: number) => {
    let chunk = sized(1, 'x');
    for (let i = 0; i < levels; i += 1) chunk = sized(14, chunk);
    return requestOf([chunk]);
  };
  const limits = { itemsPerRequest: 1e6, jsonDepth: 20, valuesPerRequest: 100 };
  assert.equal(read(nested(17), limits).documents.length, 1);
  assert.throws(() => read(nested(18), limits), code('too_deep', 'at most 20'));
  assert.throws(() => read(nested(3000), limits), code('too_deep'));
  const groups = (levels: number) => Buffer.concat([Buffer.alloc(levels, 0x2b), Buffer.alloc(levels, 0x2c)]);
  read(groups(20), limits);
  assert.throws(() => decodeRequest(groups(21), limits), code('too_deep'));
  assert.throws(() => decodeRequest(groups(1e6), limits), code('too_deep'));
});

test('parameters and scores are counted: at the limit, above', () => {
  const list = (count: number) =>
    sized(2, sized(1, sized(1, 'k'), sized(2, sized(6, Buffer.alloc(count * 2, Buffer.of(0x0a, 0))))));
  assert.equal((read(list(99)).parameters.k as unknown[]).length, 99);
  assert.throws(() => read(list(100)), code('too_many_values', 'at most 100 '));
  const scores = (count: number) => Buffer.alloc(count * 3, Buffer.of(0x92, 0x01, 0));
  assert.deepEqual(one(scores(100)).scores, { '': {} });
  assert.throws(() => one(scores(101)), code('too_many_values'));
  const pieces = (count: number) => Buffer.alloc(count * 5, Buffer.of(0x8a, 0x01, 2, 0x78, 0));
  assert.ok(one(pieces(101)).tags);
  assert.throws(() => one(pieces(102)), code('too_many_values'));
});

test('a tensor that is no picture fails where it is asked for, with the id of its document', () => {
  const bytes = Buffer.alloc(12);
  const bad: [string, Buffer][] = [
    ['expected 12 bytes', dense(bytes.subarray(1), [2, 2, 3], '|u1')],
    ['expected 24 bytes', dense(bytes, [2, 2, 3], '<u2')],
    ['expected 150528 bytes', dense(Buffer.alloc(0), [224, 224, 3], '|u1')],
    ['got 12', dense(bytes, [4294967295, 4294967295], '|u1')],
    ['expected 1 bytes', dense(bytes, [], '|u1')],
    ['at most 64 axes', dense(bytes, new Array(65).fill(1), '|u1')],
    ['expected a dtype of numbers', dense(bytes, [12], '<c8')],
    ['expected a dtype of numbers', dense(bytes, [12], '')],
    ['expected a dtype of numbers', dense(bytes, [12], 'bfloat16')],
    ['expected a dtype of numbers', dense(bytes, [12], '|O')],
    ['sparse', sized(2, sized(1, sized(3, '<i8')))],
  ];
  for (const [text, array] of bad) {
    const document = one(sized(1, 'mine'), sized(3, array));
    assert.throws(() => toItem(document), code('invalid_tensor', text), text);
    assert.throws(() => toItem(document), code('invalid_tensor', 'document "mine"'));
    // It goes back as it came.
    assert.ok(hex(answer(document)).includes(hex(array)));
  }
});

const answer = (document: ReturnType<typeof one>) =>
  encodeResponse({ request: { documents: [document], parameters: {} }, routes: [] });

test('whose array it is makes no difference, nor how its dtype is spelt; no array is no picture', () => {
  const picture = (array: Buffer, name: string) => toItem(one(sized(3, array, sized(3, name))));
  for (const name of ['numpy', 'torch', 'list', 'paddle', 'tensorflow', '', 'other'])
    assert.equal(picture(dense(Buffer.of(1, 2), [1, 2], '|u1'), name)?.kind, 'tensor', name);
  for (const dtype of ['u1', '<u1', '=u1', 'uint8', 'int8', 'i1'])
    assert.equal(picture(dense(Buffer.of(1, 2), [1, 2], dtype), '')?.kind, 'tensor', dtype);
  for (const dtype of ['float64', 'f8', '>i8', 'uint64'])
    assert.equal(picture(dense(Buffer.alloc(16), [1, 2], dtype), '')?.kind, 'tensor', dtype);
  assert.equal(picture(Buffer.alloc(0), 'numpy'), undefined);
  assert.equal(picture(sized(1), 'numpy'), undefined);
  assert.equal(toItem(one(sized(3, sized(1)), sized(9, 'a.png')))?.kind, 'uri');
});

test('a client gets values, and keeps what it cannot read', () => {
  const f4 = Buffer.from(Float32Array.of(0.5, -1).buffer);
  const sparse = sized(2, sized(1, sized(3, '<i8')));
  const { documents } = decodeResponse(
    dataOf(
      [sized(1, 'a'), sized(16, dense(f4, [2], '<f4'), sized(3, 'numpy'))],
      [sized(1, 'b'), sized(16, dense(Buffer.of(0, 0x38, 0, 0xbc), [2], '<f2'))],
      [sized(1, 'c'), sized(16, dense(f4, [1, 2], '<f4'))],
      [sized(1, 'd'), sized(16, sparse), sized(17, sized(1, sized(1, 'k'), sized(2, sized(3, 'v'))))],
    ),
  );
  assert.deepEqual(documents[0]!.embedding, Float32Array.of(0.5, -1));
  assert.deepEqual(documents[1]!.embedding, Float32Array.of(0.5, -1));
  assert.deepEqual(documents[2]!.embedding, { shape: [1, 2], data: Float32Array.of(0.5, -1) });
  assert.ok(documents[3]!.embedding instanceof Encoded);
  assert.deepEqual(documents[3]!.tags, { k: 'v' });
});
