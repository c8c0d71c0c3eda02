import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeWord } from '../../../src/preprocess/text/bpe.ts';
import {
  BYTE_IDS,
  mergeOf,
  NO_MERGE,
  type PairTable,
  readMerges,
} from '../../../src/preprocess/text/vocabulary.ts';

const table = await readMerges();

/** The rule as OpenAI wrote it: all pairs of the lowest rank at once, again and again. */
function encodeByRule(word: string, pairs: PairTable): number[] {
  let symbols = [...Buffer.from(word)].map((byte) => BYTE_IDS[byte]!);
  symbols[symbols.length - 1]! += 256;
  for (;;) {
    const best = Math.min(
      ...symbols.slice(1).map((right, i) => mergeOf(pairs, symbols[i]!, right)),
      NO_MERGE,
    );
    if (best === NO_MERGE) return symbols;
    const merged: number[] = [];
    for (let i = 0; i < symbols.length; i++) {
      const isPair = i + 1 < symbols.length && mergeOf(pairs, symbols[i]!, symbols[i + 1]!) === best;
      merged.push(isPair ? best : symbols[i]!);
      if (isPair) i++;
    }
    symbols = merged;
  }
}

test('words of any length are merged by the rule', () => {
  const letters = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'abeinorst'), minLength: 1, maxLength: 150 }),
    fc.string({ unit: fc.constantFrom('a', 'aa', 'é', 'ing', '日', '😀'), minLength: 1, maxLength: 80 }),
  );
  fc.assert(
    fc.property(letters, (word) => {
      const ids = encodeWord(table, word);
      assert.deepEqual(typeof ids === 'number' ? [ids] : ids, encodeByRule(word, table));
    }),
    { numRuns: 500, seed: 7 },
  );
});
