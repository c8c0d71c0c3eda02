import { ClipError } from '../../errors.ts';

/** Content codings that are understood and written, best first. */
export const CODINGS = ['br', 'gzip', 'deflate'] as const;
export type Coding = (typeof CODINGS)[number];

const ALIASES: Readonly<Record<string, Coding>> = { 'x-gzip': 'gzip' };

/** A name as it stands in a header; undefined where it is none of ours. */
function codingOf(name: string): Coding | undefined {
  const lower = name.toLowerCase();
  return ALIASES[lower] ?? CODINGS.find((coding) => coding === lower);
}

/**
 * How a body is compressed; undefined where it is not. One coding at most: nobody sends two, and each would multiply what
 * a small body can become.
 *
 * @throws ClipError unsupported_encoding
 */
export function bodyCoding(contentEncoding: string | undefined): Coding | undefined {
  const name = contentEncoding?.trim() ?? '';
  if (name === '' || name.toLowerCase() === 'identity') return undefined;
  const coding = codingOf(name);
  if (coding) return coding;
  throw new ClipError(
    'unsupported_encoding',
    `expected content-encoding ${CODINGS.join(', ')} or identity, one of them; got ${name.slice(0, 80)}`,
  );
}

/** What a client says that it can read. */
export interface Acceptance {
  /** The coding that it likes best, of those that are written here; undefined for none. */
  readonly coding: Coding | undefined;
  /** False where it refuses an answer that is not compressed. */
  readonly identity: boolean;
}

/** RFC 9110 §12.5.3; what cannot be read in it is skipped. */
export function acceptance(acceptEncoding: string): Acceptance {
  const weights = new Map<string, number>();
  for (const part of acceptEncoding.split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const weight = parameters.find((text) => text.startsWith('q='))?.slice(2) ?? '1';
    if (name && /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight))
      weights.set(codingOf(name) ?? name, Number(weight));
  }
  const other = weights.get('*') ?? 0;
  const weightOf = (name: string): number => weights.get(name) ?? other;
  const best = CODINGS.reduce((a, b) => (weightOf(b) > weightOf(a) ? b : a));
  // Not named, an answer as it is comes after every coding that is.
  const plain = weights.get('identity') ?? (weights.get('*') === 0 ? 0 : Number.MIN_VALUE);
  return {
    coding: weightOf(best) > 0 && weightOf(best) >= plain ? best : undefined,
    identity: plain > 0,
  };
}
