import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** Published ids of OpenAI's tokeniser, without start and end token. */
export const KNOWN_TEXTS: readonly [text: string, ids: string][] = [
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

export interface GoldenText {
  readonly category: string;
  readonly text: string;
  /** Between start and end token, at most 75. */
  readonly ids: readonly number[];
}

/** Texts of every kind with the ids of the Python server. */
export function goldenTexts(): GoldenText[] {
  const lines = readFileSync(new URL('goldens/tokens.jsonl', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
  assert.ok(lines.length >= 2000);
  return lines.map((line) => {
    const [category, recipe, ids] = JSON.parse(line) as [string, string | [string, number], number[]];
    const text = typeof recipe === 'string' ? recipe : recipe[0].repeat(recipe[1]);
    return { category, text, ids };
  });
}
