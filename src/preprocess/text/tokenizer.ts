import type { Limits } from '../../config/limits.ts';
import { ClipError } from '../../errors.ts';
import type { ModelContract, TextInput } from '../../model/tower.ts';
import { createClipTokenizer } from './clip-tokenizer.ts';
import { createFileTokenizer } from './file-tokenizer.ts';

/** CLIP's context where the graph leaves it open. */
const CONTEXT_LENGTH = 77;

export interface Tokenizer {
  /** Columns of the ids. */
  readonly contextLength: number;
  /**
   * Ids of one text, cut where it is too long, the end token kept.
   *
   * @throws ClipError text_too_long, invalid_request
   */
  encode(text: string): TextInput;
  /**
   * Ids that a client made itself, whole: from the start token to the end token, or padded behind it. Ids without both are
   * refused, since those of another vocabulary (as OpenAI's clients make for OpenAI's own models) would pass for others.
   *
   * @throws ClipError invalid_request
   */
  take(ids: readonly number[]): TextInput;
}

/**
 * The tokeniser that fits a model: its own `tokenizer.json` where it brings one, else OpenAI's CLIP.
 *
 * @throws ConfigError where the model's tokenizer.json asks for what the text tower cannot be given
 */
export async function createTokenizer(contract: ModelContract, limits: Limits): Promise<Tokenizer> {
  const contextLength = contract.text.contextLength;
  const tokenizer = contract.tokenizerFile
    ? await createFileTokenizer(contract.tokenizerFile, contextLength)
    : await createClipTokenizer(contextLength ?? CONTEXT_LENGTH);
  return {
    contextLength: tokenizer.contextLength,
    take: (ids) => tokenizer.take(ids),
    encode(text) {
      checkLength(text, limits.textCharacters);
      return tokenizer.encode(text);
    },
  };
}

/** Characters are Unicode code points, as in Python. */
function checkLength(text: string, limit: number): void {
  if (text.length <= limit) return;
  let characters = text.length;
  for (let i = 0; i < text.length; i++) {
    if (text.codePointAt(i)! > 0xffff) {
      characters--;
      i++;
    }
  }
  if (characters > limit) {
    throw new ClipError('text_too_long', `text: expected at most ${limit} characters, got ${characters}`);
  }
}
