import { readFileSync } from 'node:fs';
import { createClipTokenizer } from '../src/preprocess/text/clip-tokenizer.ts';

const CONTEXT = 77;
/** Each is one token. */
const WORDS =
  'photo cat dog red apple street house water old green man woman bird tree snow boat car blue sky table'.split(
    ' ',
  );

const tokenizer = await createClipTokenizer(CONTEXT);

/** Descriptions that people wrote of their pictures, in an order that mixes their subjects; see bench/data. */
export function captions(): string[] {
  const file = new URL('data/captions.txt', import.meta.url);
  return shuffled(readFileSync(file, 'utf8').trimEnd().split('\n'));
}

/** Tokens of a text, start and end included. */
export function tokens(text: string): number {
  return tokenizer.encode(text).length;
}

/** `count` different texts of exactly `length` tokens, start and end included. */
export function textsOf(length: number, count: number): string[] {
  return Array.from({ length: count }, (_, seed) => {
    const words = Array.from(
      { length: length - 2 },
      (_, at) => WORDS[(seed * 7 + at * (seed + 3)) % WORDS.length],
    );
    const text = words.join(' ');
    if (tokens(text) !== length) throw new Error(`expected ${length} tokens, got ${tokens(text)}: ${text}`);
    return text;
  });
}

/** Texts of each length from `shortest` to `longest` equally often, mixed. */
export function textsOfEach(shortest: number, longest: number, perLength: number): string[] {
  const lengths = Array.from({ length: longest - shortest + 1 }, (_, at) => shortest + at);
  return shuffled(lengths.flatMap((length) => textsOf(length, perLength)));
}

/** The same order each time. */
function shuffled(texts: string[]): string[] {
  let seed = 1;
  for (let left = texts.length; left > 1; left--) {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    const at = (seed >> 8) % left;
    [texts[left - 1], texts[at]] = [texts[at]!, texts[left - 1]!];
  }
  return texts;
}
