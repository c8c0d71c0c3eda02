import { isUtf8 } from 'node:buffer';

// Python's `$` also matches before a line feed that ends the text; the reference's codec depends on it.
const END = '(?=\\n?$)';
const PAIR =
  `\\xed(?:[\\xa0-\\xaf]|${END})(?:[\\x80-\\xbf]|${END})(?:\\xed|${END})` +
  `(?:[\\xb0-\\xbf]|${END})(?:[\\x80-\\xbf]|${END})`;
const PAIR_HERE = new RegExp(PAIR, 'y');
const VARIANT = new RegExp(
  `\\xc0(?:\\x80|${END})|\\xed(?:[\\xa0-\\xbf]|${END})(?:[\\x80-\\xbf]|${END})`,
  'g',
);

/** Decodes strict UTF-8. `bytes` holds one byte per character. Undefined where it is not UTF-8. */
export function decodeUtf8(bytes: string): string | undefined {
  const buffer = Buffer.from(bytes, 'latin1');
  return isUtf8(buffer) ? buffer.toString('utf8') : undefined;
}

/**
 * Decodes UTF-8 in which C0 80 stands for U+0000 (Java) and a pair of three-byte surrogates for one character
 * (CESU-8), as ftfy's codec `utf-8-variants` does. `bytes` holds one byte per character. Undefined where it is neither.
 */
export function decodeUtf8Variants(bytes: string): string | undefined {
  let out = '';
  let at = 0;
  while (at < bytes.length) {
    VARIANT.lastIndex = at;
    const special = VARIANT.exec(bytes)?.index ?? bytes.length;
    const plain = decodeUtf8(bytes.slice(at, special));
    if (plain === undefined) return undefined;
    out += plain;
    at = special;
    if (at === bytes.length) break;
    const variant = decodeVariant(bytes, at);
    if (variant === undefined) return undefined;
    out += variant.text;
    at += variant.bytes;
  }
  return out;
}

function decodeVariant(bytes: string, at: number): { text: string; bytes: number } | undefined {
  const left = bytes.length - at;
  if (bytes[at] === '\xc0') return left > 1 ? { text: '\0', bytes: 2 } : undefined;
  PAIR_HERE.lastIndex = at;
  if (left < 6 || !PAIR_HERE.test(bytes)) return undefined;
  const bits = (offset: number, mask: number) => bytes.charCodeAt(at + offset) & mask;
  const high = (bits(1, 0x0f) << 16) | (bits(2, 0x3f) << 10);
  const low = (bits(4, 0x0f) << 6) | bits(5, 0x3f);
  return { text: String.fromCodePoint(0x10000 + high + low), bytes: 6 };
}
