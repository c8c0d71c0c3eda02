import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ClipError } from '../../src/errors.ts';
import { RAW_FORM, readForm } from '../../src/service/form.ts';
import { shape, toBase64 } from '../../src/service/shape.ts';

interface Goldens {
  readonly vectors: Readonly<Record<string, string>>;
  readonly cases: readonly {
    readonly vector: string;
    readonly parameters: Readonly<Record<string, unknown>>;
    readonly dtype: string;
    readonly expected: string;
  }[];
}

const file = new URL('./goldens/forms.json', import.meta.url);
const { vectors, cases } = JSON.parse(readFileSync(file, 'utf8')) as Goldens;
const ARRAYS = { '<f4': Float32Array, '<f2': Uint16Array, '|i1': Int8Array, '|u1': Uint8Array };

function floats(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);
}

for (const { vector: name, parameters, dtype, expected } of cases)
  test(`${name}, ${JSON.stringify(parameters)}: the bytes are NumPy's`, () => {
    const vector = floats(vectors[name]!);
    const shaped = shape(vector, readForm(parameters, { model: 'm', width: vector.length }));
    assert.ok(shaped.data instanceof ARRAYS[dtype as keyof typeof ARRAYS], `expected numbers of ${dtype}`);
    assert.equal(shaped.type, parameters.embedding_type);
    assert.equal(toBase64(shaped), expected);
  });

test('the raw form is the vector itself', () => {
  const vector = Float32Array.of(3, 4);
  assert.equal(shape(vector, RAW_FORM).data, vector);
});

test('a vector of a batch is left as it is, and its neighbours are not read', () => {
  const batch = Float32Array.of(9, 9, 3, 4, 9, 9);
  const { data } = shape(batch.subarray(2, 4), { ...RAW_FORM, normalise: true });
  assert.deepEqual([...data], [Math.fround(0.6), Math.fround(0.8)]);
  assert.deepEqual([...batch], [9, 9, 3, 4, 9, 9]);
  const { data: bits } = shape(batch.subarray(2, 3), { ...RAW_FORM, type: 'ubinary' });
  assert.deepEqual([...bits], [0b10000000]);
});

const failed = (pattern: RegExp) => (error: unknown) =>
  error instanceof ClipError && error.code === 'form_failed' && pattern.test(error.message);

test('nothing but zeros cannot be normalised, but can be sent as it is', () => {
  const vector = Float32Array.of(0, 0, 1);
  const cut = readForm({ dimensions: 2 }, { model: 'm', width: 3 });
  assert.throws(() => shape(vector, cut), failed(/can be normalised, got 2 components of length 0/));
  assert.deepEqual([...shape(vector, { ...cut, normalise: false }).data], [0, 0]);
});

test('float16 does not become infinite', () => {
  const form = { ...RAW_FORM, type: 'float16' } as const;
  assert.throws(
    () => shape(Float32Array.of(1, -65520), form),
    failed(/below 65520 for float16, got -65520 at 1/),
  );
  assert.equal(shape(Float32Array.of(65519), form).data[0], 0x7bff);
});
