import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../src/config/limits.ts';
import { createTokenizer, type Tokenizer } from '../../../src/preprocess/text/tokenizer.ts';
import { contractWith } from './contract.ts';
import { goldenTexts, KNOWN_TEXTS } from './golden-texts.ts';

const START = 49406;
const END = 49407;
const clip = await createTokenizer(contractWith({ contextLength: 77 }), DEFAULT_LIMITS);

/** Ids between start and end token. */
function contentOf(tokenizer: Tokenizer, text: string): number[] {
  const { ids, length } = tokenizer.encode(text);
  assert.equal(ids.length, tokenizer.contextLength);
  assert.equal(ids[0], START);
  assert.equal(ids[length - 1], END);
  assert.ok(ids.subarray(length).every((id) => id === 0));
  return [...ids.subarray(1, length - 1)];
}

test('known texts give the ids of OpenAI’s tokeniser', () => {
  for (const [text, ids] of KNOWN_TEXTS) assert.equal(contentOf(clip, text).join(' '), ids, text);
});

test('2,000 ASCII texts give the ids of OpenAI’s tokeniser', async () => {
  const uncut = await createTokenizer(contractWith({ contextLength: 200 }), DEFAULT_LIMITS);
  let state = 1;
  const next = () => {
    state = (Math.imul(1_103_515_245, state) + 12_345) & 0x7fffffff;
    return state >> 16;
  };
  const hash = createHash('sha256');
  let tokens = 0;
  for (let i = 0; i < 2000; i++) {
    const text = Array.from({ length: next() % 120 }, () => String.fromCharCode(32 + (next() % 95))).join('');
    const ids = contentOf(uncut, text);
    tokens += ids.length;
    hash.update(`${ids.join(',')}\n`);
  }
  assert.equal(tokens, 93_078);
  assert.equal(hash.digest('hex'), '126d925be62615ee9650781867381de2b2dcd0cc0744d4d59f8c0deb33985238');
});

test('texts of every kind give the ids of the Python server', () => {
  const different = goldenTexts()
    .map((golden) => ({ ...golden, got: contentOf(clip, golden.text) }))
    .filter(({ ids, got }) => got.join() !== ids.join());
  assert.deepEqual(different, []);
});

test('a text that is too long is cut and keeps its end token', () => {
  const { ids, length } = clip.encode('word '.repeat(100));
  assert.equal(length, 77);
  assert.deepEqual([...ids], [START, ...Array(75).fill(2653), END]);
  assert.equal(clip.encode('word '.repeat(75)).length, 77);
  assert.equal(clip.encode('word '.repeat(74)).length, 76);
});

test('the context length is that of the text tower, 77 where the tower leaves it open', async () => {
  const short = await createTokenizer(contractWith({ contextLength: 5 }), DEFAULT_LIMITS);
  assert.deepEqual([...short.encode('a photo of a cat').ids], [START, 320, 1125, 539, END]);
  assert.deepEqual([...short.encode('supercalifragilistic').ids], [START, 1642, 2857, 13093, END]);
  const open = await createTokenizer(contractWith({}), DEFAULT_LIMITS);
  assert.equal(open.contextLength, 77);
  assert.equal(open.encode('a').ids.length, 77);
});

test('words leave and enter the cache without a change of their ids', () => {
  const first = contentOf(clip, 'tokenisation of flibbertigibbets');
  const letters = (n: number) => n.toString(26).replace(/[0-9]/g, (digit) => 'qrstuvwxyz'[Number(digit)]!);
  for (let i = 0; i < 70_000; i++) clip.encode(`w${letters(i)}`);
  assert.deepEqual(contentOf(clip, 'tokenisation of flibbertigibbets'), first);
  assert.deepEqual(contentOf(clip, '<|startoftext|> <|endoftext|>'), [START, END]);
});
