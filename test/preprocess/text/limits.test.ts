import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../src/config/limits.ts';
import { MAX_LAYERS } from '../../../src/preprocess/text/repair.ts';
import { createTokenizer } from '../../../src/preprocess/text/tokenizer.ts';
import { contractWith } from './contract.ts';

const clip = await createTokenizer(contractWith({ contextLength: 77 }), DEFAULT_LIMITS);
const strict = await createTokenizer(contractWith({}), { ...DEFAULT_LIMITS, textCharacters: 10 });

test('a text may have as many characters as the limit says', () => {
  assert.equal(strict.encode('red apple').length, 4);
  assert.equal(strict.encode('red apples').length, 4);
  for (const count of [11, 1000]) {
    assert.throws(() => strict.encode('a'.repeat(count)), {
      code: 'text_too_long',
      message: `text: expected at most 10 characters, got ${count}`,
    });
  }
});

test('a character outside the basic plane counts once', () => {
  assert.ok(strict.encode('😀'.repeat(10)).length > 2);
  assert.throws(() => strict.encode('😀'.repeat(11)), /at most 10 characters, got 11/);
  assert.throws(() => strict.encode('\ud83d'.repeat(11)), /at most 10 characters, got 11/);
});

test('the limit holds for a model with its own tokenizer.json', async () => {
  const tokenizerFile = new URL('goldens/tokenizer.json', import.meta.url).pathname;
  const own = await createTokenizer(contractWith({ tokenizerFile }), {
    ...DEFAULT_LIMITS,
    textCharacters: 3,
  });
  assert.equal(own.encode('cat').ids.length, 16);
  assert.throws(() => own.encode('cats'), { code: 'text_too_long' });
});

test('a text of more tokens than the model reads is told from one that just fits', async () => {
  const tokenizerFile = new URL('goldens/tokenizer.json', import.meta.url).pathname;
  const own = await createTokenizer(contractWith({ tokenizerFile, contextLength: 8 }), DEFAULT_LIMITS);
  for (const [tokenizer, fits, more] of [
    [clip, 'cat '.repeat(75), ['cat '.repeat(76), `${'cat '.repeat(74)} zzxqkvwj`]],
    [own, 'cat', ['cat dog '.repeat(9)]],
  ] as const) {
    assert.equal(tokenizer.encode(fits).cut ?? false, false);
    for (const text of more) {
      const { cut, length } = tokenizer.encode(text);
      assert.deepEqual([cut, length], [true, tokenizer.contextLength], text);
    }
  }
});

test('layers of escapes are resolved up to a bound', () => {
  const layered = (layers: number) => `&${'amp;'.repeat(layers)}`;
  const ampersand = clip.encode('&').ids;
  for (const layers of [1, MAX_LAYERS - 1, MAX_LAYERS])
    assert.deepEqual(clip.encode(layered(layers)).ids, ampersand);
  for (const layers of [MAX_LAYERS + 1, 20_000]) {
    assert.throws(() => clip.encode(layered(layers)), {
      code: 'invalid_request',
      message: 'text: expected at most 32 layers of escapes within escapes, got more',
    });
  }
});

test('100,000 characters without a space end', () => {
  for (const unit of ['a', 'ab', 'é', 'Ã©', '!', '1', '日', '\x1b[', '&', 'Ã ', "'"]) {
    const { length } = clip.encode(unit.repeat(100_000 / unit.length));
    assert.ok(length >= 2 && length <= 77, unit);
  }
});
