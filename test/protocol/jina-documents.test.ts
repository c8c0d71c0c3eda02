import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ClipError, type ErrorCode } from '../../src/errors.ts';
import { isoMicroseconds } from '../../src/protocol/jina/clock.ts';
import type { Document } from '../../src/protocol/jina/document.ts';
import { FieldError } from '../../src/protocol/jina/field-error.ts';
import { parseJson } from '../../src/protocol/jina/json.ts';
import { encodeParameters } from '../../src/protocol/jina/parameters.ts';
import { parseDocuments } from '../../src/protocol/jina/parse-document.ts';
import { parseRequest } from '../../src/protocol/jina/request.ts';
import { targets } from '../../src/protocol/jina/target.ts';
import { toItem } from '../../src/protocol/jina/to-item.ts';
import { selectDocuments } from '../../src/protocol/jina/traversal.ts';
import { documentToJson } from '../../src/protocol/jina/write-document.ts';
import { jsonValue } from '../../src/protocol/jina/write-json.ts';
import { jsonVector } from '../../src/protocol/jina/write-vector.ts';

const golden = JSON.parse(readFileSync(new URL('goldens/docarray.json', import.meta.url), 'utf8')) as {
  documents: { in: object; out: object }[];
  paths: { path: string; ids: string[] | null }[];
};

const parse = (...documents: unknown[]): Document[] => parseDocuments(documents, ['body', 'data'], 1000);
const parseOne = (document: unknown): Document => parse(document)[0]!;
const code = (expected: ErrorCode) => (error: unknown) =>
  error instanceof ClipError && error.code === expected;

test('documents come out as the reference gives them back, key for key and in its order', () => {
  for (const { in: source, out } of golden.documents) {
    const written = JSON.parse(documentToJson(parseOne(source)));
    assert.deepEqual(written, out, JSON.stringify(source));
    assert.deepEqual(Object.keys(written), Object.keys(out));
  }
});

const tree = (): Document[] =>
  [0, 1, 2].map((i) => ({
    id: `r${i}`,
    chunks: [0, 1, 2].map((j) => ({
      id: `r${i}c${j}`,
      chunks: [0, 1].map((k) => ({ id: `r${i}c${j}c${k}` })),
    })),
    matches: [0, 1].map((j) => ({ id: `r${i}m${j}` })),
  }));

for (const { path, ids } of golden.paths) {
  test(`access path ${path}`, () => {
    const select = () => selectDocuments(tree(), path).map(({ id }) => id);
    if (ids === null) assert.throws(select, code('invalid_request'));
    else assert.deepEqual(select(), ids);
  });
}

test('a lone -1 is the last element, and a document on two paths comes once', () => {
  const ids = (path: string) => selectDocuments(tree(), path).map(({ id }) => id);
  assert.deepEqual(ids('@r[0:2]c[-1]'), ['r0c2', 'r1c2']);
  assert.deepEqual(ids('@m0,m'), ['r0m0', 'r1m0', 'r2m0', 'r0m1', 'r1m1', 'r2m1']);
  for (const path of [5, null, [], {}, true, ''])
    assert.throws(() => selectDocuments(tree(), path), code('invalid_request'));
  assert.throws(() => selectDocuments(tree(), '@r[::0]'), code('invalid_request'));
});

test('what is embedded: text, else blob, tensor, uri; nothing for an id alone', () => {
  const kind = (document: unknown) => toItem(parseOne(document))?.kind;
  assert.equal(kind({ text: 'a' }), 'text');
  assert.equal(kind({ text: 'a', uri: 'b.png' }), 'text');
  assert.equal(kind({ text: 'a', blob: 'aGk=' }), 'image');
  assert.equal(kind({ blob: 'aGk=', uri: 'b.png' }), 'image');
  assert.equal(kind({ tensor: [[1]], uri: 'b.png' }), 'tensor');
  assert.equal(kind({ text: '', uri: 'b.png' }), 'uri');
  assert.equal(kind({ text: 'a', blob: '' }), 'text');
  for (const empty of [{}, { id: 'x' }, { text: '' }, { blob: '' }, { text: null, blob: null, tensor: null }])
    assert.equal(kind(empty), undefined);
});

test('ids are made where they are missing, and kept where they are not', () => {
  const [first, second, third] = parse({}, { id: '' }, { id: '0' });
  assert.match(first!.id, /^[0-9a-f]{32}$/);
  assert.match(second!.id, /^[0-9a-f]{32}$/);
  assert.notEqual(first!.id, second!.id);
  assert.equal(third!.id, '0');
});

test('base64: both alphabets, any padding, line breaks; nothing else', () => {
  const bytes = Buffer.from([0xfb, 0xff, 0xfe, 1]);
  const blob = (text: string) => Buffer.from(parseOne({ blob: text }).blob!);
  for (const text of ['+//+AQ==', '-__-AQ==', '-__-AQ', '+//+\r\nAQ==\n', ' +//+ AQ'])
    assert.deepEqual(blob(text), bytes);
  for (const text of ['!!!!', 'a', 'aGk=aGk=', 'aG.k', 'aGk==', '====', 'aG=k', 'aé', '\u{1f600}'])
    assert.throws(() => blob(text), code('invalid_document'), text);
  for (const other of [5, true, ['aGk='], {}])
    assert.throws(() => parseOne({ blob: other }), code('invalid_document'));
});

test('tensors keep shape and values; ragged and non-numeric lists are refused with their place', () => {
  assert.deepEqual(parseOne({ tensor: [[[1, 2, 3]], [[4, 5, 255]]] }).tensor, {
    shape: [2, 1, 3],
    data: Uint8Array.of(1, 2, 3, 4, 5, 255),
  });
  assert.deepEqual(parseOne({ tensor: [256, -1] }).tensor, { shape: [2], data: Int32Array.of(256, -1) });
  assert.deepEqual(parseOne({ tensor: [0.5, 2 ** 40] }).tensor, {
    shape: [2],
    data: Float64Array.of(0.5, 2 ** 40),
  });
  const bad = [
    5,
    'x',
    {},
    [[1], [2, 3]],
    [[1], [[2]]],
    [1, [2]],
    [[1], 2],
    ['a'],
    [true],
    [null],
    [[[1]], [[2], [3]]],
  ];
  for (const tensor of bad) {
    assert.throws(
      () => parse({}, { tensor }),
      (error) => error instanceof FieldError && error.location.join('.') === 'body.data.1.tensor',
      JSON.stringify(tensor),
    );
  }
});

test('faults of nested documents are placed', () => {
  const at = (body: unknown): string => {
    try {
      parseRequest(body, 1000);
    } catch (error) {
      assert.ok(error instanceof FieldError, String(error));
      return error.location.join('.');
    }
    throw new Error('nothing was thrown');
  };
  assert.equal(
    at({ data: [{ chunks: [{}, { matches: [{ text: [] }] }] }] }),
    'body.data.0.chunks.1.matches.0.text',
  );
  assert.equal(at({ data: { docs: 5 } }), 'body.data.docs');
  assert.equal(at({ data: 'x' }), 'body.data');
  assert.equal(at({ data: [5] }), 'body.data.0');
  assert.equal(at({ parameters: [1] }), 'body.parameters');
  assert.equal(at({ execEndpoint: {} }), 'body.execEndpoint');
  assert.equal(at({ data: [{ granularity: -1 }] }), 'body.data.0.granularity');
  assert.equal(at({ data: [{ weight: 1e40 }] }), 'body.data.0.weight');
  assert.equal(at({ data: [{ tags: { a: [Number.POSITIVE_INFINITY] } }] }), 'body.data.0.tags.a.0');
  assert.equal(at({ data: [{ scores: { s: { value: 'x' } } }] }), 'body.data.0.scores.s.value');
  assert.equal(at('text'), 'body');
  assert.equal(at([{}]), 'body');
});

test('the envelope takes both spellings, the three forms of data, and ignores the rest', () => {
  const request = parseRequest(
    { data: { docs: [{ text: 'a' }], other: [] }, exec_endpoint: '/x', header: 5 },
    10,
  );
  assert.equal(request.endpoint, '/x');
  assert.equal(request.documents.length, 1);
  assert.equal(parseRequest({ execEndpoint: '/y', exec_endpoint: '/x' }, 10).endpoint, '/y');
  assert.equal(parseRequest({ execEndpoint: '/y' }, 10, '/fixed').endpoint, '/fixed');
  for (const data of [null, [], {}, undefined]) assert.deepEqual(parseRequest({ data }, 10).documents, []);
  assert.equal(parseRequest([], 10).endpoint, undefined);
});

test('documents of all levels count; at the limit they pass, one more does not', () => {
  const data = [{ chunks: [{}, {}], matches: [{}] }, {}];
  assert.equal(parseRequest({ data }, 5).documents.length, 2);
  assert.throws(() => parseRequest({ data }, 4), code('too_many_items'));
  assert.throws(() => parseRequest({ data: Array(10_000).fill({}) }, 4), code('too_many_items'));
});

test('JSON: depth, encoding, and keys of the prototype', () => {
  const nested = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth));
  assert.ok(parseJson(nested(100), 100));
  assert.throws(() => parseJson(nested(101), 100), code('too_deep'));
  assert.throws(() => parseJson(Buffer.alloc(20_000_000, '['), 100), code('too_deep'));
  assert.equal(
    parseJson(Buffer.from(`"${'['.repeat(500)}\\"${'{'.repeat(500)}\\\\"`), 100)?.toString().length,
    1002,
  );
  assert.throws(() => parseJson(Buffer.from(`{"a":"\\\\","b":${'['.repeat(100)}`), 100), code('too_deep'));
  assert.deepEqual(parseJson(Buffer.from('\uFEFF{"a":1}'), 100), { a: 1 });
  for (const text of ['', '{', '{"a":NaN}', "{'a':1}", '{"a":1}x', '"abc', '{"a":1,}', '\\'])
    assert.throws(() => parseJson(Buffer.from(text), 100), FieldError, text);
  assert.throws(() => parseJson(Buffer.from([0x22, 0xff, 0x22]), 100), code('invalid_json'));
  const hostile =
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"data":[{"__proto__":{"text":"x"}}],"parameters":{"__proto__":{"access_paths":"@c"}}}';
  const request = parseRequest(parseJson(Buffer.from(hostile), 100), 10);
  assert.equal(request.documents[0]!.text, undefined);
  assert.equal(encodeParameters(request.parameters, '__proto__', '@r').accessPaths, '@c');
  assert.equal(encodeParameters(request.parameters, 'clip_t', '@r').accessPaths, '@r');
  assert.equal(({} as { polluted?: number }).polluted, undefined);
});

test('parameters: per deployment in both spellings, the deprecated name first', () => {
  const paths = (parameters: object) => encodeParameters({ ...parameters }, 'clip_t', '@r').accessPaths;
  assert.equal(paths({}), '@r');
  assert.equal(paths({ access_paths: '@c' }), '@c');
  assert.equal(paths({ access_paths: '@c', traversal_paths: '@m' }), '@m');
  assert.equal(paths({ access_paths: '@c', clip_t__access_paths: '@m' }), '@m');
  assert.equal(paths({ clip_o__access_paths: '@m' }), '@r');
  assert.equal(paths({ access_paths: '@c', clip_t: { access_paths: '@m' } }), '@m');
  assert.equal(paths({ __results__: {} }), '@r');
  const drop = (value: unknown) =>
    encodeParameters({ drop_image_content: value }, 'clip_t', '@r').dropImageContent;
  assert.deepEqual([true, 1, false, 0, null].map(drop), [true, true, false, false, false]);
});

test('target_executor is matched at the start of the name, and cannot stall', () => {
  const hits = (pattern: string) => targets(pattern, 'clip_t', ['body']);
  for (const pattern of [
    'clip',
    'clip_t',
    'clip_t$',
    'clip_[ot]',
    'c.*',
    'x|clip',
    '(clip|y)_t',
    '\\w+',
    '',
    'cli?p',
  ])
    assert.equal(hits(pattern), true, pattern);
  for (const pattern of ['lip', 'clip_o', '^x', 'clip_t.']) assert.equal(hits(pattern), false, pattern);
  for (const pattern of [
    '(a+)+',
    '(c*)*d',
    'a{1,9}',
    '(?=c)',
    '(c)\\1',
    'c**',
    'a*a*a*a*a*',
    'c'.repeat(101),
    '(',
    '[',
  ])
    assert.throws(() => hits(pattern), code('invalid_document'), pattern);
});

test('vectors are printed as the doubles that equal their float32 values', () => {
  const vector = Float32Array.of(0.1, -0.3248268, 1e-20, 3.4e38);
  assert.equal(jsonVector(vector), `[${Array.from(vector).join(',')}]`);
  assert.equal(jsonVector(Float32Array.of(1, -0, 0.5, 3e38)), '[1.0,-0.0,0.5,3.0000000054977558e+38]');
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => jsonVector(Float32Array.of(1, bad)), code('bad_vector'));
  const back = JSON.parse(jsonVector(Float32Array.from({ length: 512 }, (_, i) => Math.sin(i * 7.3) / 3)));
  assert.deepEqual(
    Float32Array.from(back),
    Float32Array.from({ length: 512 }, (_, i) => Math.sin(i * 7.3) / 3),
  );
});

test('free-form JSON keeps its shape and prints numbers as doubles', () => {
  assert.equal(
    jsonValue({ limit: 10, a: [true, null, 'x"', 1.5, {}] }),
    '{"limit":10.0,"a":[true,null,"x\\"",1.5,{}]}',
  );
  assert.equal(jsonValue('\ud800'), '"\\ud800"');
});

test('times are RFC 3339 with microseconds', () => {
  assert.equal(isoMicroseconds(1_700_000_000_000_042), '2023-11-14T22:13:20.000042+00:00');
  assert.equal(isoMicroseconds(1_700_000_000_999_999), '2023-11-14T22:13:20.999999+00:00');
});
