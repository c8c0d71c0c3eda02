import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ClipError } from '../../src/errors.ts';
import { parseJson } from '../../src/protocol/jina/json.ts';
import { encodeParameters } from '../../src/protocol/jina/parameters.ts';
import { parseRequest } from '../../src/protocol/jina/request.ts';
import { targets } from '../../src/protocol/jina/target.ts';
import { toItem } from '../../src/protocol/jina/to-item.ts';
import { selectDocuments } from '../../src/protocol/jina/traversal.ts';
import { documentToJson } from '../../src/protocol/jina/write-document.ts';

/** Runs the whole way in and out; only typed errors may come. */
function translate(body: Buffer): void {
  try {
    const { documents, parameters } = parseRequest(parseJson(body, 100), 100);
    for (const document of documents) {
      toItem(document);
      JSON.parse(documentToJson(document));
    }
    selectDocuments(documents, encodeParameters(parameters, 'clip_t', '@r').accessPaths);
  } catch (error) {
    assert.ok(error instanceof ClipError, String((error as Error).stack));
    assert.notEqual(error.code, 'internal');
  }
}

const value = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom(
    'aGk=',
    '',
    '!',
    '@r',
    '@c[0:2],m',
    '0',
    '1e400',
    -1,
    1e308,
    5.5,
    '__proto__',
    '\ud800',
    '\0',
  ),
  fc.array(fc.array(fc.integer(), { maxLength: 3 }), { maxLength: 3 }),
);
const { document } = fc.letrec((tie) => ({
  document: fc.record(
    Object.fromEntries([
      ...'id parent_id granularity adjacency blob tensor mime_type text weight uri tags offset location embedding modality evaluations scores'
        .split(' ')
        .map((key) => [key, value] as const),
      ...['chunks', 'matches'].map(
        (key) => [key, fc.oneof(value, fc.array(tie('document'), { maxLength: 2 }))] as const,
      ),
    ]),
    { requiredKeys: [] },
  ),
}));
const envelope = fc.record(
  {
    data: fc.oneof(
      value,
      fc.array(fc.oneof(document, value), { maxLength: 4 }),
      fc.record({ docs: fc.array(document) }),
    ),
    execEndpoint: value,
    exec_endpoint: value,
    targetExecutor: value,
    parameters: fc.oneof(value, fc.record({ access_paths: value, clip_t: value, drop_image_content: value })),
  },
  { requiredKeys: [] },
);

/** So many runs, or as many as fit into this test's part of FUZZ_SECONDS. */
function effort(numRuns: number): { numRuns: number; interruptAfterTimeLimit?: number } {
  const seconds = Number(process.env.FUZZ_SECONDS ?? 0);
  return seconds > 0 ? { numRuns: 1e9, interruptAfterTimeLimit: (seconds * 1000) / 5 } : { numRuns };
}

test('any envelope ends in documents or a typed error', () => {
  fc.assert(
    fc.property(envelope, (body) => translate(Buffer.from(JSON.stringify(body) ?? ''))),
    effort(1500),
  );
});

test('any bytes, and any JSON with one byte changed, end in documents or a typed error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => translate(Buffer.from(bytes))),
    effort(1000),
  );
  fc.assert(
    fc.property(envelope, fc.nat(), fc.nat(255), (body, at, byte) => {
      const bytes = Buffer.from(JSON.stringify(body));
      bytes[at % bytes.length] = byte;
      translate(bytes);
    }),
    effort(1500),
  );
});

test('any access path and any target end in an answer or a typed error', () => {
  const alphabet = fc.string({ unit: fc.constantFrom(...'@rcm.,[]:-0123 *+?()|a^$\\{}'), maxLength: 40 });
  fc.assert(
    fc.property(alphabet, (text) => {
      for (const run of [
        () => selectDocuments([], text),
        () => selectDocuments([], `@${text}`),
        () => targets(text, 'clip_t', []),
      ]) {
        try {
          run();
        } catch (error) {
          assert.ok(error instanceof ClipError, String(error));
        }
      }
    }),
    effort(3000),
  );
});

test('what is written reads back as the same document', () => {
  fc.assert(
    fc.property(document, (source) => {
      let first: string;
      try {
        first = documentToJson(
          parseRequest({ data: [JSON.parse(JSON.stringify(source))] }, 100).documents[0]!,
        );
      } catch (error) {
        assert.ok(error instanceof ClipError);
        return;
      }
      const second = documentToJson(parseRequest({ data: [JSON.parse(first)] }, 100).documents[0]!);
      // An id that was made here is the client's own the second time.
      assert.deepEqual(JSON.parse(second), JSON.parse(first));
    }),
    effort(1500),
  );
});
