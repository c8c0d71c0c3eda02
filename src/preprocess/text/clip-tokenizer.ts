import type { TextInput } from '../../model/tower.ts';
import { encodeWord } from './bpe.ts';
import { cleanText } from './clean.ts';
import { takeClipIds } from './token-ids.ts';
import type { Tokenizer } from './tokenizer.ts';
import { END_TOKEN, type PairTable, readMerges, START_TOKEN } from './vocabulary.ts';
import { wordEnd, wordStart } from './words.ts';

/** Longer words (UTF-16 units) are rare, and would let a client fill the cache with rubbish. */
const CACHED_LENGTH = 24;
/** Words per generation of the cache; two generations are kept, some 10 MB at most. */
const CACHED_WORDS = 32_768;

/** Texts whose ids share an allocation: memory outside the heap costs the collector by the piece. */
const SLAB_ROWS = 128;

/** A word's ids; a number where it is one token, as most are. */
type WordIds = number | readonly number[];

/**
 * The tokeniser of OpenAI's CLIP: cleaning, words, byte-pair encoding, start token 49406, end token 49407, padding 0.
 * A text that is too long is cut and keeps the end token. The literals `<|startoftext|>` and `<|endoftext|>` in a
 * text become the tokens, as in the reference; the sentence ends at the first end token.
 */
export async function createClipTokenizer(contextLength: number): Promise<Tokenizer> {
  const wordIds = createWordEncoder(await readMerges());
  let slab = new Int32Array(0);

  function emptyRow(): Int32Array {
    if (slab.length === 0) slab = new Int32Array(SLAB_ROWS * contextLength);
    const row = slab.subarray(0, contextLength);
    slab = slab.subarray(contextLength);
    return row;
  }

  function encode(text: string): TextInput {
    const ids = emptyRow();
    ids[0] = START_TOKEN;
    const clean = cleanText(text);
    const end = contextLength - 1;
    let length = 1;
    let cut = false;
    let at = wordStart(clean, 0);
    while (at < clean.length && length < end) {
      const next = wordEnd(clean, at);
      const word = wordIds(clean.slice(at, next));
      if (typeof word === 'number') ids[length++] = word;
      else {
        cut = length + word.length > end;
        for (let i = 0; i < word.length && length < end; i++) ids[length++] = word[i]!;
      }
      at = wordStart(clean, next);
    }
    cut ||= at < clean.length;
    ids[length++] = END_TOKEN;
    return cut ? { ids, length, cut } : { ids, length };
  }

  return { contextLength, encode, take: (ids) => takeClipIds(ids, emptyRow()) };
}

function createWordEncoder(table: PairTable): (word: string) => WordIds {
  const specials: [string, WordIds][] = [
    ['<|startoftext|>', START_TOKEN],
    ['<|endoftext|>', END_TOKEN],
  ];
  let young = new Map(specials);
  let old = new Map<string, WordIds>();

  return (word) => {
    const known = young.get(word);
    if (known !== undefined) return known;
    let ids = old.get(word);
    ids ??= encodeWord(table, word);
    if (word.length <= CACHED_LENGTH) {
      if (young.size >= CACHED_WORDS) {
        old = young;
        young = new Map(specials);
      }
      young.set(word, ids);
    }
    return ids;
  };
}
