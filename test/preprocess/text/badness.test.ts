import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isBad } from '../../../src/preprocess/text/badness.ts';

interface Golden {
  alphabet: string;
  pairs: string[];
  longer: [string, boolean][];
}

const golden: Golden = JSON.parse(readFileSync(new URL('goldens/badness.json', import.meta.url), 'utf8'));

test('every pair of neighbours is judged as ftfy judges it', () => {
  const alphabet = [...golden.alphabet];
  const different = alphabet.filter((first, i) => {
    const row = alphabet.map((second) => (isBad(first + second) ? '1' : '0')).join('');
    return createHash('sha256').update(row).digest('hex').slice(0, 16) !== golden.pairs[i];
  });
  assert.deepEqual(different, []);
});

test('longer sequences are judged as ftfy judges them', () => {
  for (const [text, verdict] of golden.longer) assert.equal(isBad(text), verdict, JSON.stringify(text));
});
