import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { ConfigError } from '../../config/config.ts';
import { ClipError } from '../../errors.ts';
import type { Tokenizer } from './tokenizer.ts';

/** The parts of tokenizer.json that say how ids are cut and padded. */
interface TokenizerFile {
  readonly normalizer?: Normalizer | null;
  readonly truncation?: { readonly direction?: string; readonly max_length?: number } | null;
  readonly padding?: {
    readonly direction?: string;
    readonly pad_id?: number;
    readonly strategy?: 'BatchLongest' | { readonly Fixed?: number };
  } | null;
}

interface Normalizer {
  readonly type: string;
  readonly lowercase?: boolean;
  readonly normalizers?: readonly Normalizer[];
}

/** The same parts of tokenizer_config.json, which may be missing. */
interface TokenizerSettings {
  readonly model_max_length?: number;
  readonly pad_token?: string | { readonly content: string } | null;
  readonly padding_side?: string;
  readonly truncation_side?: string;
}

/** Beyond it, `model_max_length` stands for "no limit". */
const LONGEST_CONTEXT = 8192;

/**
 * The tokeniser that a model's `tokenizer.json` describes, with the `tokenizer_config.json` beside it. Where the
 * text is too long, the tokens that end every sequence are kept and the text is cut before them.
 *
 * @param contextLength columns that the text tower takes; undefined leaves it to the files
 * @throws ConfigError where a file is no JSON, asks to cut or pad on the left, or names no length
 */
export async function createFileTokenizer(path: string, contextLength?: number): Promise<Tokenizer> {
  const settingsPath = join(dirname(path), 'tokenizer_config.json');
  const file = await readJson<TokenizerFile>(path);
  const settings = await readJson<TokenizerSettings>(settingsPath, {});
  requireRight(path, 'padding.direction', file.padding?.direction);
  requireRight(path, 'truncation.direction', file.truncation?.direction);
  requireRight(settingsPath, 'padding_side', settings.padding_side);
  requireRight(settingsPath, 'truncation_side', settings.truncation_side);

  const columns = contextLength ?? statedLength(path, file, settings);
  const longest = Math.min(
    columns,
    file.truncation?.max_length ?? columns,
    settings.model_max_length ?? columns,
  );
  const tokenizer = new HuggingFaceTokenizer(file, settings);
  const padId = paddingId(tokenizer, file, settings);
  // Hugging Face's own library lowers letter by letter; JavaScript would make a last Σ of a word into ς.
  const isLowered = lowers(file.normalizer);
  const endTokens = countEndTokens(path, tokenizer);

  return {
    contextLength: columns,
    take(ids) {
      throw new ClipError(
        'invalid_request',
        `expected a text, got ${ids.length} token ids: they are read for OpenAI's CLIP vocabulary alone`,
      );
    },
    encode(text) {
      const all: number[] = tokenizer.encode(isLowered ? text.replaceAll('Σ', 'σ') : text).ids;
      const kept: number[] =
        all.length <= longest
          ? all
          : [...all.slice(0, longest - endTokens), ...all.slice(all.length - endTokens)];
      const unknown = kept.findIndex((id) => !Number.isInteger(id));
      if (unknown >= 0) {
        throw new ClipError(
          'invalid_request',
          `text: expected tokens of ${path}, got one without id at ${unknown}`,
        );
      }
      const ids = new Int32Array(columns).fill(padId);
      ids.set(kept);
      return { ids, length: kept.length, ...(all.length > longest && { cut: true }) };
    },
  };
}

async function readJson<T>(path: string, ifMissing?: T): Promise<T> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (cause) {
    if (ifMissing !== undefined && (cause as NodeJS.ErrnoException).code === 'ENOENT') return ifMissing;
    throw new ConfigError(`${path}: expected JSON, got: ${(cause as Error).message}`, { cause });
  }
}

/** The engine's mask is 1 below a length, so ids start at the left. */
function requireRight(path: string, key: string, side: string | undefined): void {
  if (side !== undefined && side.toLowerCase() !== 'right') {
    throw new ConfigError(`${path}: ${key}: expected "right", got "${side}"`);
  }
}

function statedLength(path: string, file: TokenizerFile, settings: TokenizerSettings): number {
  const strategy = file.padding?.strategy;
  const fixed = typeof strategy === 'object' ? strategy.Fixed : undefined;
  const length = fixed ?? file.truncation?.max_length ?? settings.model_max_length;
  if (length === undefined || length > LONGEST_CONTEXT) {
    throw new ConfigError(
      `${path}: expected a context length of at most ${LONGEST_CONTEXT} in padding, truncation or ` +
        `tokenizer_config.json's model_max_length, got ${length ?? 'none'}`,
    );
  }
  return length;
}

function lowers(normalizer: Normalizer | null | undefined): boolean {
  if (!normalizer) return false;
  const isLowering = normalizer.type === 'Lowercase' || normalizer.lowercase === true;
  return isLowering || (normalizer.normalizers ?? []).some(lowers);
}

function paddingId(
  tokenizer: HuggingFaceTokenizer,
  file: TokenizerFile,
  settings: TokenizerSettings,
): number {
  if (file.padding?.pad_id !== undefined) return file.padding.pad_id;
  const token = typeof settings.pad_token === 'object' ? settings.pad_token?.content : settings.pad_token;
  return (token === undefined ? undefined : tokenizer.token_to_id(token)) ?? 0;
}

/** Special tokens that the post-processor puts after every text. */
function countEndTokens(path: string, tokenizer: HuggingFaceTokenizer): number {
  const bare: number[] = tokenizer.encode('a', { add_special_tokens: false }).ids;
  const full: number[] = tokenizer.encode('a').ids;
  for (let start = 0; start + bare.length <= full.length; start++) {
    if (bare.every((id, i) => full[start + i] === id)) return full.length - start - bare.length;
  }
  throw new ConfigError(`${path}: expected special tokens around a text, got ${full} for ${bare}`);
}
