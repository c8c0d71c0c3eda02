import { isBad } from './badness.ts';
import { CODEPAGES, type Codepage } from './codepages.ts';
import { decodeUtf8, decodeUtf8Variants } from './utf8.ts';

// Repair of text that was written as UTF-8 and read in a single-byte encoding: the steps of ftfy 6.3.1
// (`fix_encoding`). Bytes are held as strings with one byte per character, so that patterns can be applied to them.

interface Page {
  readonly name: Codepage;
  readonly byteOf: ReadonlyMap<string, string>;
  /** Byte 1A stands for U+FFFD, a character that was lost earlier. */
  readonly isLossy: boolean;
}

const PAGES: readonly Page[] = Object.entries(CODEPAGES).map(([name, upperHalf]) => {
  const isLossy = name.startsWith('windows');
  const byteOf = new Map<string, string>();
  for (let byte = 0; byte < 0x80; byte++) byteOf.set(String.fromCharCode(byte), String.fromCharCode(byte));
  for (let i = 0; i < 0x80; i++) byteOf.set(upperHalf[i]!, String.fromCharCode(0x80 + i));
  if (isLossy) byteOf.set('\ufffd', '\x1a').delete('\x1a');
  return { name: name as Codepage, byteOf, isLossy };
});

/** UTF-8 sequences in which a space took the place of byte A0; only where the result is a likely character. */
const SPACED_SEQUENCE = new RegExp(
  [
    '[\\xc2\\xc3\\xc5\\xce\\xd0\\xd9] ',
    '[\\xe2\\xe3] [\\x80-\\x84\\x86-\\x9f\\xa1-\\xbf]',
    '[\\xe0-\\xe3][\\x80-\\x84\\x86-\\x9f\\xa1-\\xbf] ',
    '\\xf0 [\\x80-\\xbf]{2}',
    '\\xf0[\\x80-\\xbf] [\\x80-\\xbf]',
    '\\xf0[\\x80-\\xbf]{2} ',
  ].join('|'),
  'g',
);
/** à as a word of its own, whose A0 and the space after it became one space. */
const LONE_A_GRAVE = /\xc3 (?! |quele|quela|quilo|s )/g;

/** UTF-8 and CESU-8 sequences in which a byte was lost: 1A, or a single question mark. */
const LOSSY_SEQUENCE = new RegExp(
  [
    '[\\xc2-\\xdf]\\x1a',
    '[\\xc2\\xc3]\\?',
    '\\xed[\\xa0-\\xaf][\\x1a?]\\xed[\\xb0-\\xbf][\\x1a?\\x80-\\xbf]',
    '\\xed[\\xa0-\\xaf][\\x1a?\\x80-\\xbf]\\xed[\\xb0-\\xbf][\\x1a?]',
    '[\\xe0-\\xef][\\x1a?][\\x1a\\x80-\\xbf]',
    '[\\xe0-\\xef][\\x1a\\x80-\\xbf][\\x1a?]',
    '[\\xf0-\\xf4][\\x1a?][\\x1a\\x80-\\xbf]{2}',
    '[\\xf0-\\xf4][\\x1a\\x80-\\xbf][\\x1a?][\\x1a\\x80-\\xbf]',
    '[\\xf0-\\xf4][\\x1a\\x80-\\xbf]{2}[\\x1a?]',
    '\\x1a',
  ].join('|'),
  'g',
);
const REPLACEMENT_BYTES = '\xef\xbf\xbd';

const UTF8_RUN = utf8Run();
const NOT_ASCII = /[^\0-\x7f]/;
const C1_CONTROL = /[\x80-\x9f]/g;

/** Undoes wrong decodings, layer by layer, until nothing more can be undone. */
export function fixEncoding(text: string): string {
  for (let current = text; ; ) {
    const fixed = fixLayer(current);
    if (fixed === current) return current;
    current = fixed;
  }
}

/** C1 controls as the windows-1252 characters of the same byte. */
export function fixC1Controls(text: string): string {
  return text.replace(C1_CONTROL, (control) => CODEPAGES['windows-1252'][control.charCodeAt(0) - 0x80]!);
}

function fixLayer(text: string): string {
  if (!NOT_ASCII.test(text) || !isBad(text)) return text;
  for (const page of PAGES) {
    const bytes = encode(text, page);
    const decoded = bytes === undefined ? undefined : decode(bytes, page);
    if (decoded !== undefined) return decoded;
  }
  const mended = text.replace(UTF8_RUN, (run) =>
    run.length < text.length && isBad(run) ? fixEncoding(run) : run,
  );
  if (mended !== text) return mended;
  // What is left may be Latin-1 that was meant as windows-1252; they differ in the C1 controls alone.
  return fixC1Controls(text);
}

/** Bytes of the text in an encoding; undefined where it lacks a character. */
function encode(text: string, page: Page): string | undefined {
  let bytes = '';
  for (let i = 0; i < text.length; i++) {
    const byte = page.byteOf.get(text[i]!);
    if (byte === undefined) return undefined;
    bytes += byte;
  }
  return bytes;
}

function decode(encoded: string, page: Page): string | undefined {
  let bytes = encoded;
  // In MacRoman the pattern would match an en dash before a space.
  if (page.name !== 'macroman' && bytes.search(SPACED_SEQUENCE) >= 0) {
    bytes = bytes
      .replace(LONE_A_GRAVE, '\xc3\xa0 ')
      .replace(SPACED_SEQUENCE, (sequence) => sequence.replaceAll(' ', '\xa0'));
  }
  if (page.isLossy) bytes = bytes.replace(LOSSY_SEQUENCE, REPLACEMENT_BYTES);
  return /[\xc0\xed]/.test(bytes) ? decodeUtf8Variants(bytes) : decodeUtf8(bytes);
}

/**
 * Runs of characters that could be UTF-8 sequences in one of the Latin-1-like encodings, not after a character that
 * could continue one. A space may stand for A0.
 */
function utf8Run(): RegExp {
  const pages = PAGES.filter(({ name, isLossy }) => isLossy || name === 'latin-1');
  const characters = (first: number, last: number) =>
    [...new Set(pages.flatMap(({ name }) => [...CODEPAGES[name].slice(first - 0x80, last - 0x80 + 1)]))].join(
      '',
    );
  const continuation = characters(0x80, 0xbf);
  const strict = continuation.replace(/[–—―‘’‚“”„•…]/g, '');
  const lead4 = characters(0xf0, 0xf0) + characters(0xf3, 0xf3);
  const next = `[${continuation} ]`;
  return new RegExp(
    `(?<![${strict}])(?:[${characters(0xc2, 0xdf)}]${next}|[${characters(0xe0, 0xef)}]${next}{2}|[${lead4}]${next}{3})+`,
    'g',
  );
}
