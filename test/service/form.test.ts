import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormError, RAW_FORM, readForm } from '../../src/service/form.ts';

const MODEL = { model: 'ViT-B-32', width: 512 };
const read = (parameters: Record<string, unknown>) => readForm(parameters, MODEL);

test('a request that asks for nothing has the raw form', () => {
  assert.equal(read({ access_paths: '@c', drop_image_content: true }), RAW_FORM);
  const nulls = {
    normalize: null,
    normalise: null,
    dimensions: null,
    embedding_type: null,
    encoding_format: null,
  };
  assert.equal(read(nulls), RAW_FORM);
  const defaults = { normalize: false, embedding_type: 'float', encoding_format: 'float' };
  assert.equal(read(defaults), RAW_FORM);
  assert.equal(read({ embedding_type: 'float32' }), RAW_FORM);
});

test('each parameter is read, in both spellings', () => {
  for (const name of ['normalize', 'normalise'])
    assert.deepEqual(read({ [name]: true }), { type: 'float32', normalise: true, base64: false });
  assert.deepEqual(read({ embedding_type: 'float16', encoding_format: 'base64' }), {
    type: 'float16',
    normalise: false,
    base64: true,
  });
  assert.equal(read({ dimensions: 512 }).dimensions, 512);
});

test('what is cut or scaled is normalised, unless the request says no', () => {
  assert.equal(read({ dimensions: 64 }).normalise, true);
  assert.equal(read({ dimensions: 64, normalize: false }).normalise, false);
  assert.equal(read({ embedding_type: 'int8' }).normalise, true);
  assert.equal(read({ embedding_type: 'ubinary' }).normalise, false);
  assert.equal(read({ embedding_type: 'float16' }).normalise, false);
});

test('a length that the model is not trained for is warned of', () => {
  assert.match(
    read({ dimensions: 64 }).warning!,
    /ViT-B-32 is not trained for .* 64 .* 512 \(none declared\)/,
  );
  const trained = { ...MODEL, matryoshkaDimensions: [64, 128] };
  assert.equal(readForm({ dimensions: 64 }, trained).warning, undefined);
  assert.match(readForm({ dimensions: 65 }, trained).warning!, /64, 128 declared/);
  assert.equal(read({ dimensions: 512 }).warning, undefined);
  assert.equal(read({ normalize: true }).warning, undefined);
});

const FAULTS: readonly (readonly [Record<string, unknown>, string])[] = [
  [{ dimensions: 0 }, 'dimensions: expected a whole number from 1 to 512, got 0'],
  [{ dimensions: 513 }, 'dimensions: expected a whole number from 1 to 512, got 513'],
  [{ dimensions: 1.5 }, 'dimensions: expected a whole number from 1 to 512, got 1.5'],
  [{ dimensions: Number.NaN }, 'dimensions: expected a whole number from 1 to 512, got NaN'],
  [{ dimensions: '64' }, 'dimensions: expected a whole number from 1 to 512, got "64"'],
  [{ dimensions: true }, 'dimensions: expected a whole number from 1 to 512, got true'],
  [{ normalize: 1 }, 'normalize: expected true or false, got 1'],
  [{ normalise: 'yes' }, 'normalise: expected true or false, got "yes"'],
  [{ normalize: true, normalise: false }, 'normalise: expected the same as normalize, true, got false'],
  [
    { embedding_type: 'base64' },
    'embedding_type: expected one of float32, float16, int8, uint8, binary, ubinary, got "base64"; encoding_format takes base64',
  ],
  [
    { embedding_type: ['int8'] },
    'embedding_type: expected one of float32, float16, int8, uint8, binary, ubinary, got a list',
  ],
  [{ encoding_format: {} }, 'encoding_format: expected one of float, base64, got an object'],
  [
    { embedding_type: 'int8', normalise: false },
    'normalize: expected true, or nothing, with embedding_type int8, got false',
  ],
];

for (const [parameters, message] of FAULTS)
  test(`refused: ${message}`, () => {
    assert.throws(
      () => read(parameters),
      (error) => {
        assert.ok(error instanceof FormError, `expected a FormError, got ${error}`);
        assert.equal(error.message, message);
        assert.equal(error.code, 'invalid_request');
        assert.equal(message.startsWith(`${error.parameter}: `), true);
        return true;
      },
    );
  });
