import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../src/config/config.ts';
import { createTokenizer, type Tokenizer } from '../../../src/preprocess/text/tokenizer.ts';
import { contractWith } from './contract.ts';

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

const BY_HAND: [string, string][] = [
  ['', ''],
  [' \n\t ', ''],
  ['hello world', '3306 1002'],
  ['a photo of a cat', '320 1125 539 320 2368'],
  ['a photo of a man', '320 1125 539 320 786'],
  ['a photo of a woman', '320 1125 539 320 2308'],
  ['a diagram', '320 22697'],
  ['Hello,\tWORLD!!  ', '3306 267 1002 748'],
  ["it's we'll I'D they've", '585 568 649 1342 328 1896 889 1200'],
  ["don't DON'T don’t", '847 713 847 713 847 713'],
  ['“smart” ‘quotes’', '257 4115 257 262 5808 262'],
  ['2023 is 42', '273 271 273 274 533 275 273'],
  ['1st 22nd', '272 545 273 273 1764'],
  ['café', '15304'],
  ['cafe\u0301', '15304'],
  ['&amp;lt;b&amp;gt; R&amp;D &amp;amp;amp;', '283 321 285 337 261 323 261'],
  ['x < y &amp; z', '343 283 344 261 345'],
  ['schÃ¶n', '844 7255 333'],
  ['ﬁnance ﬂow ＦＵＬＬ', '6117 5608 1476'],
  ['ΟΔΟΣ İstanbul', '138 123 138 112 138 123 139 480 328 16384 11231'],
  ['日本語のテキスト', '39121 44353 34002 252 21575 2429 228 47121 32421 486'],
  ['😀👍🏽 emoji', '12832 43722 16327'],
  ['🐶', '10631'],
  ['naïve façade', '1097 35689 563 778 10067 1928'],
  ['l’été', '331 262 3459 39694'],
  ['Ⅷ ½ ²', '158 227 371 33613 41175'],
  ['C++ & C#', '322 19056 261 322 258'],
  ['\x1b[31mred\x1b[0m', '736'],
  ['x\ufeffy', '11443'],
  ['a\u00a0b\u2003c\u200bd', '320 321 322 9844 323'],
  ['<|startoftext|>x<|endoftext|> y', '49406 343 49407 344'],
  ['<|ENDOFTEXT|>', '49407'],
  ['supercalifragilisticexpialidocious', '1642 2857 13093 2076 5868 26850 835 639 38466'],
];

test('known texts give the ids of OpenAI’s tokeniser', () => {
  for (const [text, ids] of BY_HAND) assert.equal(contentOf(clip, text).join(' '), ids, text);
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
  const lines = readFileSync(new URL('goldens/tokens.jsonl', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
  const different: string[] = [];
  for (const line of lines) {
    const [category, recipe, ids] = JSON.parse(line) as [string, string | [string, number], number[]];
    const text = typeof recipe === 'string' ? recipe : recipe[0].repeat(recipe[1]);
    const got = contentOf(clip, text);
    if (got.join() !== ids.join())
      different.push(`${category}: ${JSON.stringify(text)}: expected ${ids}, got ${got}`);
  }
  assert.ok(lines.length >= 2000);
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
