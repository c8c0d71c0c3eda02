import { readFileSync } from 'node:fs';
import { createClipTokenizer } from '../src/preprocess/text/clip-tokenizer.ts';

const CONTEXT = 77;

const tokenizer = await createClipTokenizer(CONTEXT);
const lines = readFileSync(new URL('data/captions.txt', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n');
/** The captions' words that are one token each. */
const words = [...new Set(lines.join(' ').match(/\b[a-z]{3,}\b/g))].filter((word) => tokens(word) === 3);

/** Numbers below `limit`, the same each time for the same seed. */
function chance(seed: number): (limit: number) => number {
  return (limit) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % limit;
  };
}

/** Descriptions that people wrote of their pictures, in an order that mixes their subjects; see bench/data. */
export function captions(): string[] {
  return shuffled([...lines]);
}

/** Tokens of a text, start and end included. */
export function tokens(text: string): number {
  return tokenizer.encode(text).length;
}

/** `count` texts of exactly `length` tokens, start and end included, of words by chance: few begin alike. */
export function textsOf(length: number, count: number): string[] {
  const draw = chance(length);
  return Array.from({ length: count }, () => {
    const text = Array.from({ length: length - 2 }, () => words[draw(words.length)]).join(' ');
    if (tokens(text) !== length) throw new Error(`expected ${length} tokens, got ${tokens(text)}: ${text}`);
    return text;
  });
}

/** Texts of each length from `shortest` to `longest` equally often, mixed. */
export function textsOfEach(shortest: number, longest: number, perLength: number): string[] {
  const lengths = Array.from({ length: longest - shortest + 1 }, (_, at) => shortest + at);
  return shuffled(lengths.flatMap((length) => textsOf(length, perLength)));
}

function shuffled(texts: string[]): string[] {
  const draw = chance(1);
  for (let left = texts.length; left > 1; left--) {
    const at = draw(left);
    [texts[left - 1], texts[at]] = [texts[at]!, texts[left - 1]!];
  }
  return texts;
}
