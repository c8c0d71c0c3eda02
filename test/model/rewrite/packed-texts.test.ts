import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endColumn, packTexts } from '../../../src/model/rewrite/packed-texts.ts';

const pack = (...texts: number[][]) => {
  const packed = packTexts(
    texts.map((text) => Int32Array.from(text)),
    { rule: 'largest' },
  );
  return Object.fromEntries(
    Object.entries(packed).map(([name, value]) => [name, typeof value === 'number' ? value : [...value]]),
  );
};

test('a beginning that texts share is there once, and padding not at all', () => {
  assert.deepEqual(pack([8, 1, 2, 9, 0, 0], [8, 1, 3, 4, 9], [8, 9]), {
    tokens: [8, 1, 2, 9, 3, 4, 9, 9],
    positions: [0, 1, 2, 3, 2, 3, 4, 1],
    places: [0, 1, 2, 3, 7, 8, 9, 11],
    index: [0, 1, 2, 3, 3, 0, 1, 4, 5, 6, 0, 7, 7, 7, 7],
    end: [3, 6, 7],
    columns: 5,
  });
});

test('equal texts are one, and the same id behind another beginning is another token', () => {
  assert.deepEqual(pack([8, 1, 9], [8, 1, 9]).tokens, [8, 1, 9]);
  assert.deepEqual(pack([8, 1, 5, 9], [8, 2, 5, 9]).tokens, [8, 1, 5, 9, 2, 5, 9]);
});

test('a text ends at its first end token', () => {
  assert.deepEqual(pack([8, 9, 1, 9]).tokens, [8, 9]);
  assert.equal(endColumn(Int32Array.of(8, 1, 9, 9), { rule: 'largest' }), 2);
  assert.equal(endColumn(Int32Array.of(8, 1, 9, 1), { rule: 'first', id: 1 }), 1);
  assert.equal(endColumn(Int32Array.of(8, 2, 9), { rule: 'first', id: 1 }), 0);
});
