import { nearest } from '../config/spelling.ts';
import { ClipError } from '../errors.ts';
import { readJsonFile } from './json-file.ts';

/** What a model was trained to, and its graphs do not say: `model.json` beside them. */
export interface ModelTraits {
  /** What a cosine is multiplied by before the softmax of a ranking; absent: CLIP's own. */
  readonly logitScale?: number;
  /** Lengths that a vector may be cut to, for the model was trained so (Matryoshka); absent: none. */
  readonly matryoshkaDimensions?: readonly number[];
}

export const TRAITS_FILE = 'model.json';
/** Ten times what CLIP's own training allows. */
const MOST_LOGIT_SCALE = 1000;
const KEYS = ['logit_scale', 'matryoshka_dimensions'] as const;

/**
 * Reads a `model.json`. Keys that mean nothing here are told in `warnings`.
 *
 * @param width components of the model's vectors, where they are known
 * @throws ClipError model_invalid where it cannot be read, or a value is none that its key can have
 */
export async function readTraits(
  path: string,
  width?: number,
): Promise<{ readonly traits: ModelTraits; readonly warnings: readonly string[] }> {
  const json = await readJsonFile(path);
  const refuse = (key: (typeof KEYS)[number], expected: string) =>
    new ClipError(
      'model_invalid',
      `${path}: ${key}: expected ${expected}, found ${JSON.stringify(json[key])}`,
    );
  const { logit_scale: scale, matryoshka_dimensions: lengths } = json;
  if (scale !== undefined && !isScale(scale))
    throw refuse('logit_scale', `a number above 0 and at most ${MOST_LOGIT_SCALE}`);
  if (lengths !== undefined && !isLengths(lengths, width))
    throw refuse('matryoshka_dimensions', `a list of whole numbers from 1 to ${width ?? 'the width'}`);
  const traits = {
    ...(scale !== undefined && { logitScale: scale }),
    ...(lengths !== undefined && { matryoshkaDimensions: lengths }),
  };
  return { traits, warnings: Object.keys(json).flatMap((key) => unknownKey(path, key)) };
}

function isScale(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= MOST_LOGIT_SCALE;
}

function isLengths(value: unknown, width = Number.POSITIVE_INFINITY): value is number[] {
  return (
    Array.isArray(value) &&
    value.every((member) => Number.isInteger(member) && member >= 1 && member <= width)
  );
}

function unknownKey(path: string, key: string): string[] {
  if ((KEYS as readonly string[]).includes(key)) return [];
  const meant = nearest(key, KEYS);
  const hint = meant ? `; did you mean ${meant}?` : '';
  return [`${path}: the key ${JSON.stringify(key.slice(0, 80))} means nothing to this server${hint}`];
}
