import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Document, Encoded } from '../../../src/protocol/jina/document.ts';
import { numbersOf, pictureOf } from '../../../src/protocol/jina/wire/nd-array.ts';
import { decodeRequest, encodeRequest } from '../../../src/protocol/jina/wire/request.ts';
import { decodeResponse, encodeResponse } from '../../../src/protocol/jina/wire/response.ts';
import { documentToJson } from '../../../src/protocol/jina/write-document.ts';

const LIMITS = { itemsPerRequest: 100, jsonDepth: 100, valuesPerRequest: 100_000 };
const golden = JSON.parse(readFileSync(new URL('goldens/python.json', import.meta.url), 'utf8')) as {
  cases: { name: string; message: string; data: string; json: object[] | null }[];
  pictures: { dtype: string; shape: number[]; document: string; bytes: string; values: number[] | null }[];
};
const hex = (message: Uint8Array) => Buffer.from(message).toString('hex');
const read = (message: string) => {
  const request = decodeRequest(Buffer.from(message, 'hex'), LIMITS);
  assert.equal(request.fault, undefined);
  return request;
};

for (const { name, message, data, json } of golden.cases) {
  test(`what Python sends goes back as Python itself writes it: ${name}`, () => {
    const request = read(message);
    assert.ok(hex(encodeResponse({ request, routes: [] })).endsWith(data));
    if (request.parameters.limit) {
      assert.equal(request.requestId, 'request');
      assert.equal(request.endpoint, '/encode');
      assert.equal(request.targetExecutor, undefined);
      assert.deepEqual(request.parameters, {
        drop_image_content: true,
        limit: 10,
        nested: { a: [null, 'x', 1.5] },
      });
    }
  });

  if (json)
    test(`the values are those that Python reads: ${name}`, () => {
      assert.deepEqual(
        read(message)
          .documents.map(documentToJson)
          .map((text) => JSON.parse(text)),
        json,
      );
      // As a client gets them, and sends them on.
      const { documents } = decodeResponse(encodeResponse({ request: read(message), routes: [] }));
      assert.deepEqual(
        documents.map(documentToJson).map((text) => JSON.parse(text)),
        json,
      );
      const again = read(hex(encodeRequest({ requestId: 'r', parameters: {}, documents }))).documents;
      assert.deepEqual(
        again.map(documentToJson).map((text) => JSON.parse(text)),
        json,
      );
    });
}

const tensorOf = (document: string): Encoded => {
  const content = `0a${length(document)}${document}`;
  const array = `0a${length(content)}${content}`;
  const { tensor } = read(`22${length(array)}${array}`).documents[0] as Document;
  assert.ok(tensor instanceof Encoded);
  return tensor;
};

function length(message: string): string {
  const size = message.length / 2;
  return size < 0x80 ? hex(Uint8Array.of(size)) : hex(Uint8Array.of((size & 0x7f) | 0x80, size >> 7));
}

for (const { dtype, shape, document, bytes, values } of golden.pictures) {
  test(`a tensor of ${dtype} [${shape}] becomes the picture that NumPy makes of it`, () => {
    const tensor = tensorOf(document);
    const picture = pictureOf(tensor)!;
    assert.deepEqual(picture.shape, shape);
    assert.equal(hex(Uint8Array.from(picture.data)), bytes);
    if (values) assert.deepEqual([...numbersOf(tensor)!.data], values);
  });
}
