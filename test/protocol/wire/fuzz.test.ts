import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { ClipError } from '../../../src/errors.ts';
import type { Document } from '../../../src/protocol/jina/document.ts';
import { toItem } from '../../../src/protocol/jina/to-item.ts';
import { decodeRequest, encodeRequest } from '../../../src/protocol/jina/wire/request.ts';
import { decodeResponse, encodeResponse } from '../../../src/protocol/jina/wire/response.ts';
import { decodeStatus } from '../../../src/protocol/jina/wire/status.ts';
import { sized } from './bytes.ts';

const LIMITS = { itemsPerRequest: 100, jsonDepth: 30, valuesPerRequest: 100_000 };
/** For all tests of this file together; a nightly run sets more. */
const SECONDS = Number(process.env.FUZZ_SECONDS ?? 5);
const parameters = { interruptAfterTimeLimit: (SECONDS * 1000) / 4, numRuns: 1e9, endOnFailure: false };

const golden = JSON.parse(readFileSync(new URL('goldens/python.json', import.meta.url), 'utf8')) as {
  cases: { message: string }[];
};
const messages = golden.cases.map(({ message }) => Buffer.from(message, 'hex'));

/** The whole way through the server, and a client's reading; only typed errors may come. */
function translate(message: Uint8Array): void {
  for (const run of [
    () => {
      const request = decodeRequest(message, LIMITS);
      const response = encodeResponse({ request, routes: [] });
      assert.ok(response.length > 0);
      // What is taken in can be read by the client that gets it back.
      decodeResponse(response);
      for (const document of request.documents) toItem(document);
    },
    () => decodeResponse(message),
    () => decodeStatus(message),
  ]) {
    try {
      run();
    } catch (error) {
      assert.ok(error instanceof ClipError, String((error as Error).stack));
      assert.notEqual(error.code, 'internal');
    }
  }
}

test('any bytes end in a request or a typed error', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), translate), parameters);
});

test('what Python sends, with bytes changed, cut out or put in, ends in a request or a typed error', () => {
  const edit = fc.record({ at: fc.nat(), cut: fc.nat(6), put: fc.uint8Array({ maxLength: 6 }) });
  const property = fc.property(
    fc.constantFrom(...messages),
    fc.array(edit, { minLength: 1, maxLength: 4 }),
    (message, edits) => {
      let bytes = message;
      for (const { at, cut, put } of edits) {
        const start = at % (bytes.length + 1);
        bytes = Buffer.concat([bytes.subarray(0, start), put, bytes.subarray(start + cut)]);
      }
      translate(bytes);
    },
  );
  fc.assert(property, parameters);
});

/** Fields of the numbers that documents have, nested, and wrapped as a request. */
const { field } = fc.letrec<{ field: Buffer; message: Buffer }>((tie) => ({
  field: fc
    .tuple(
      fc.integer({ min: 1, max: 21 }),
      fc.oneof({ maxDepth: 6 }, fc.uint8Array({ maxLength: 40 }), tie('message')),
    )
    .map(([number, content]) => sized(number, content)),
  message: fc.array(tie('field'), { maxLength: 5 }).map((fields) => Buffer.concat(fields)),
}));

test('any tree of fields ends in a request or a typed error', () => {
  const property = fc.property(fc.array(field, { maxLength: 6 }), (fields) => {
    const inner = Buffer.concat(fields);
    translate(inner);
    translate(sized(4, sized(1, sized(1, inner))));
  });
  fc.assert(property, parameters);
});

const text = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
  fc.constant('é'.repeat(70)),
);
const count = fc.integer({ min: 1, max: 0xffffffff });
const real = fc.float({ noDefaultInfinity: true, noNaN: true }).filter((value) => value !== 0);
const score = fc.record({ value: real, opName: text, description: text, refId: text }, { requiredKeys: [] });
const json = fc.dictionary(text, fc.jsonValue({ maxDepth: 3 }), { minKeys: 1, maxKeys: 4 });
const numbers = fc.array(real, { minLength: 1, maxLength: 5 });
const content = fc.oneof(
  fc.record({ text }),
  fc.record({ blob: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)) }),
  fc.record({ tensor: numbers.map((data) => ({ shape: [1, data.length], data: Float64Array.from(data) })) }),
  fc.constant({}),
);
const document = fc
  .tuple(
    content,
    fc.record(
      {
        id: text,
        parentId: text,
        granularity: count,
        adjacency: count,
        mimeType: text,
        weight: real,
        offset: real,
        location: numbers,
        modality: text,
        tags: json,
        embedding: numbers.map((data) => Float32Array.from(data)),
        scores: fc.dictionary(text, score, { minKeys: 1, maxKeys: 3 }),
        evaluations: fc.dictionary(text, score, { minKeys: 1, maxKeys: 3 }),
      },
      { requiredKeys: ['id'] },
    ),
  )
  .map(([first, second]) => ({ ...first, ...second }) as Document);

test('what is written reads back as the same request and the same answer', () => {
  const property = fc.property(
    fc.array(document, { maxLength: 4 }),
    json,
    fc.option(text, { nil: undefined }),
    (documents, values, endpoint) => {
      const sent = { requestId: 'r', endpoint, targetExecutor: undefined, parameters: values, documents };
      const request = decodeRequest(encodeRequest(sent), LIMITS);
      assert.equal(request.fault, undefined);
      assert.deepEqual({ ...request, documents: [] }, { ...plain(sent), documents: [] });
      const response = decodeResponse(encodeResponse({ request, routes: [] }));
      assert.deepEqual(response.documents, documents.map(plain));
      assert.deepEqual(response.parameters, plain(values));
    },
  );
  fc.assert(property, parameters);
});

/** Objects as a reader makes them, whatever the generator's prototypes; -0 as it is. */
function plain<T>(value: T): T {
  if (Array.isArray(value)) return value.map(plain) as T;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)])) as T;
}
