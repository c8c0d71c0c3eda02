import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { canaryInput, parityInputs } from '../../../src/engine/tensorrt/parity-inputs.ts';
import { batchesOf } from '../../../src/engine/tensorrt/parity-runs.ts';
import { columnsOf } from '../../../src/model/columns.ts';
import type { TextInput } from '../../../src/model/tower.ts';
import { testMeans } from './means.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const LENGTHS = [16, 32, 48, 77];
const CUT = { lengths: LENGTHS, endToken: { rule: 'largest' } } as const;

test('there are at least 64 texts, of lengths from 2 to the context and around the end of every bucket', async () => {
  const inputs = await parityInputs('text', await testMeans(224));
  assert.ok(inputs.length >= 64, `${inputs.length} texts`);
  const lengths = inputs.map(({ input }) => (input as TextInput).length);
  for (const length of [2, 3, ...LENGTHS.slice(0, -1).flatMap((end) => [end - 1, end, end + 1]), 76, 77])
    assert.ok(lengths.includes(length), `a text of ${length} tokens`);
  const columns = new Set(inputs.map(({ input }) => columnsOf(input as TextInput, CUT)));
  assert.deepEqual(
    [...columns].sort((a, b) => a - b),
    LENGTHS,
  );
});

test('there are at least 64 pictures of any side, most of them of photographs, black and white among them', async () => {
  for (const side of [32, 225]) {
    const inputs = await parityInputs('image', await testMeans(side));
    assert.ok(inputs.length >= 64, `${inputs.length} pictures`);
    for (const { name, input } of inputs) {
      assert.ok(input instanceof Uint8Array, name);
      assert.equal(input.length, 3 * side * side, name);
    }
    const different = new Set(inputs.map(({ input }) => Buffer.from(input as Uint8Array).toString('latin1')));
    assert.equal(different.size, inputs.length, 'no two are the same');
    const named = new Map(inputs.map(({ name, input }) => [name, input as Uint8Array]));
    assert.ok(
      named.get('black')?.every((x) => x === 0),
      'a black one',
    );
    assert.ok(
      named.get('white')?.every((x) => x === 255),
      'a white one',
    );
    assert.ok([...named.keys()].filter((name) => name.includes(',')).length >= 40, 'views of photographs');
  }
});

test('inputs are the same at each start, and the first is the canary', async () => {
  const means = await testMeans(64);
  for (const tower of ['text', 'image'] as const) {
    const [once, again] = [await parityInputs(tower, means), await parityInputs(tower, means)];
    assert.deepEqual(once, again);
    assert.deepEqual(once[0]!.input, canaryInput(tower, means));
  }
});

test('the photographs take at most 400 KB, and the notice names each', async () => {
  const folder = join(ROOT, 'data/parity');
  const notice = await readFile(join(ROOT, 'data/NOTICE.md'), 'utf8');
  let bytes = 0;
  for (const name of await readdir(folder)) {
    bytes += (await stat(join(folder, name))).size;
    assert.match(notice, new RegExp(`\\b${name.replace('.jpg', '')}\\b`), `${name} in data/NOTICE.md`);
  }
  assert.ok(bytes > 0 && bytes <= 400_000, `${bytes} bytes`);
});

test('the document gives the numbers of texts and pictures', async () => {
  const document = await readFile(join(ROOT, 'docs/engines.md'), 'utf8');
  const means = await testMeans(32);
  const [texts, pictures] = [await parityInputs('text', means), await parityInputs('image', means)];
  assert.match(
    document,
    new RegExp(`The inputs are ${texts.length} texts .* and ${pictures.length} pictures`, 's'),
  );
});

test('batches have each input alone, all sizes around powers of two, the largest, and every text bucket in full', async () => {
  const inputs = (await parityInputs('text', await testMeans(32))).map(({ input }) => input);
  const batches = batchesOf(inputs, CUT, 40);
  assert.deepEqual(
    batches.slice(0, inputs.length),
    inputs.map((_, i) => [i]),
  );
  const sizes = new Set(batches.map((rows) => rows.length));
  for (const size of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40])
    assert.ok(sizes.has(size), `a batch of ${size}`);
  assert.equal(Math.max(...sizes), 40);
  const columns = (rows: readonly number[]) => rows.map((row) => columnsOf(inputs[row] as TextInput, CUT));
  for (const length of LENGTHS)
    assert.ok(
      batches.some((rows) => rows.length === 40 && Math.max(...columns(rows)) === length),
      `a full batch of ${length} columns`,
    );
  const places = new Map<number, Set<number>>();
  for (const rows of batches)
    for (const [place, row] of rows.entries()) places.set(row, (places.get(row) ?? new Set()).add(place));
  assert.ok(
    [...places.values()].every(({ size }) => size >= 3),
    'each input stands in several rows',
  );
});

test('a batch is never larger than the plan takes, down to one row', async () => {
  const pictures = [new Uint8Array(3), new Uint8Array(3)];
  assert.deepEqual(batchesOf(pictures, undefined, 1), [[0], [1], [0]]);
  for (const most of [2, 3, 6, 64, 100])
    assert.equal(Math.max(...batchesOf(pictures, undefined, most).map(({ length }) => length)), most);
});
