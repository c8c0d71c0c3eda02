import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../src/config/limits.ts';
import { createTokenizer } from '../../../src/preprocess/text/tokenizer.ts';
import { contractWith } from './contract.ts';

const START = 49406;
const END = 49407;
const clip = await createTokenizer(contractWith({ contextLength: 77 }), DEFAULT_LIMITS);

test('ids that a client made are read as the same text is, padded by zeros, by end tokens or not at all', () => {
  const text = clip.encode('a photo of a cat');
  const whole = [...text.ids.subarray(0, text.length)];
  for (const ids of [whole, [...text.ids], [...whole, END, END], [...whole, ...new Array(500).fill(0)]])
    assert.deepEqual(clip.take(ids), text);
  assert.deepEqual(clip.take([START, END]), clip.encode(''));
  const full = [START, ...new Array(75).fill(320), END];
  assert.deepEqual(clip.take(full), { ids: Int32Array.from(full), length: 77 });
});

test('ids of another vocabulary, or of a text that is not whole, are refused', () => {
  const wrong: [number[], RegExp][] = [
    [[], /expected 49406 \(start\) first, got none/],
    // "a photo of a cat" as OpenAI's text-embedding-3 models read it.
    [[64, 6685, 315, 264, 8415], /expected 49406 \(start\) first, got 64/],
    [[START, 320], /expected 49407 \(end\) behind the text, got none/],
    [[START, 49408, END], /expected ids from 0 to 49407, got 49408/],
    [[START, -1, END], /expected ids from 0 to 49407, got -1/],
    [[START, 0.5, END], /expected ids from 0 to 49407, got 0\.5/],
    [[START, END, 320], /expected padding, 0 or 49407, behind the end token, got 320/],
    [[START, ...new Array(76).fill(320), END], /expected at most 77 ids up to the end token, got 78/],
  ];
  for (const [ids, message] of wrong)
    assert.throws(() => clip.take(ids), { name: 'ClipError', code: 'invalid_request', message });
});
