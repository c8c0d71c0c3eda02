import sharp from 'sharp';

/** Steps per channel: 8 × 8 × 8 colours. */
const STEPS = 8;

/** Share of a picture that each of 512 colours takes. */
export async function colourHistogram(file: Buffer): Promise<Float32Array> {
  const pixels = await sharp(file).removeAlpha().raw().toBuffer();
  const counts = new Float32Array(STEPS ** 3);
  const step = (value: number) => Math.floor((value * STEPS) / 256);
  for (let at = 0; at < pixels.length; at += 3) {
    const bin = (step(pixels[at]!) * STEPS + step(pixels[at + 1]!)) * STEPS + step(pixels[at + 2]!);
    counts[bin]! += 3 / pixels.length;
  }
  return counts;
}

/** What two histograms have in common. */
export function intersection(a: Float32Array, b: Float32Array): number {
  let common = 0;
  for (let i = 0; i < a.length; i++) common += Math.min(a[i]!, b[i]!);
  return common;
}

/** Words that say nothing about what is meant. */
const EMPTY_WORDS = new Set('the and with for that you its his has from very are who can'.split(' '));

/** Words of a text without their endings, so that `grapes` meets `grape`. */
export function stems(text: string): Set<string> {
  const words = text.toLowerCase().match(/[a-z0-9']{3,}/g) ?? [];
  const telling = words.filter((word) => !EMPTY_WORDS.has(word));
  return new Set(telling.map((word) => word.replace(/(ing|ies|es|s|ed)$/, '')));
}

/** Words in common, each of the second text's counting less the more it has. */
export function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let common = 0;
  for (const word of a) if (b.has(word)) common++;
  return common / Math.sqrt(b.size || 1);
}
