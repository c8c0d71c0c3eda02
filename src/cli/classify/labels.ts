import type { Readable } from 'node:stream';
import { ConfigError } from '../../config/config.ts';
import { type Embedder, encodeAll } from '../embed/embedder.ts';
import { unit } from '../embed/unit.ts';
import { allLines } from '../encode/inputs.ts';

/** As CLIP's authors put labels to it. */
export const DEFAULT_PROMPT = 'a photo of a {}';
const PLACE = '{}';

/**
 * The labels of a list with commas, or of the lines of a file; `-` is standard input.
 *
 * @throws ConfigError for fewer than two, and for one that comes twice: the scores of a picture are shares of one whole
 */
export async function labelsFrom(
  given: { readonly list?: string | undefined; readonly file?: string | undefined },
  stdin: Readable,
): Promise<string[]> {
  const { list, file } = given;
  if ((list === undefined) === (file === undefined))
    throw new ConfigError(
      `expected --labels or --labels-file, got ${list === undefined ? 'neither' : 'both'}`,
    );
  const written = list === undefined ? await linesOf(file!, stdin) : list.split(',');
  const labels = written.map((label) => label.trim()).filter((label) => label !== '');
  const seen = new Set<string>();
  const twice = labels.find((label) => seen.size === seen.add(label).size);
  if (twice !== undefined) throw new ConfigError(`expected each label once, got ${twice} twice`);
  if (labels.length < 2)
    throw new ConfigError(`expected at least two labels to choose from, got ${labels.join() || 'none'}`);
  return labels;
}

async function linesOf(file: string, stdin: Readable): Promise<string[]> {
  try {
    const lines: string[] = [];
    for await (const { text } of allLines([file], stdin)) lines.push(text);
    return lines;
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`--labels-file: ${(cause as Error).message}`, { cause });
  }
}

/**
 * One vector per label, float32 [width], of length 1: that of its prompt, or the mean of those of several.
 *
 * @throws ConfigError for a prompt without a place for the label; as `encodeAll`
 */
export async function labelVectors(
  embedder: Embedder,
  labels: readonly string[],
  prompts: readonly string[],
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const texts = labels.flatMap((label) => prompts.map((prompt) => ({ text: filled(prompt, label) })));
  const all = await encodeAll(embedder, texts, signal);
  return labels.map((_, i) => meanDirection(all.slice(i * prompts.length, (i + 1) * prompts.length)));
}

/** @throws ConfigError for a prompt without a place for a label */
export function checkPrompts(prompts: readonly string[]): void {
  const wrong = prompts.find((prompt) => !prompt.includes(PLACE));
  if (wrong !== undefined) throw new ConfigError(`--prompt: expected {} where the label goes, got ${wrong}`);
}

function filled(prompt: string, label: string): string {
  return prompt.replaceAll(PLACE, () => label);
}

/** As CLIP's authors average prompts: of unit vectors, and made a unit vector again. */
function meanDirection(vectors: readonly Float32Array[]): Float32Array {
  const units = vectors.map(unit);
  return unit(units[0]!.map((_, i) => units.reduce((sum, vector) => sum + vector[i]!, 0)));
}
