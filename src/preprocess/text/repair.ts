import { ClipError } from '../../errors.ts';
import { unescapeClosed } from './entities.ts';
import { fixC1Controls, fixEncoding } from './mojibake.ts';

/**
 * Text that is escaped or wrongly decoded in layers is repaired layer by layer. Real text has one to three; the
 * bound keeps `&amp;amp;amp;…` from costing time in the square of its length.
 */
export const MAX_LAYERS = 32;

/** Code points that ftfy repairs at once where a line is longer than that. */
const MAX_SEGMENT = 1_000_000;

/** Characters that no step changes. */
const PLAIN = /^[\t\n\f -~]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const ANSI_ESCAPE = /\x1b\[[\p{Nd};]*[a-zA-Z]/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\0-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]/g;
const LONE_SURROGATE = /\p{Surrogate}/gu;

const LIGATURES = new Map(
  [...'ĲĳŉǱǲǳǄǅǆǇǈǉǊǋǌﬀﬁﬂﬃﬄﬆ']
    .map((ligature) => [ligature, ligature.normalize('NFKC')] as const)
    .concat([['ﬅ', 'ſt']]),
);
const LIGATURE = new RegExp(`[${[...LIGATURES.keys()].join('')}]`, 'g');
/** Full-width and half-width forms, and the ideographic space. */
const WIDTH_FORM = /[\u3000\uff01-\uffef]/g;

/**
 * Repairs a text as `ftfy.fix_text` 6.3.1 does with its default settings: line by line, character references (until
 * the first line with a `<`), wrong encodings, C1 controls, Latin ligatures, character width, curly quotes, line
 * breaks, surrogates, terminal escapes, control characters, NFC.
 *
 * @throws ClipError invalid_request where a line holds more than {@link MAX_LAYERS} layers of faults
 */
export function repairText(text: string): string {
  let out = '';
  let isEscaped = true;
  for (let at = 0; at < text.length; ) {
    const end = segmentEnd(text, at);
    const segment = text.slice(at, end);
    isEscaped &&= !segment.includes('<');
    out += repairSegment(segment, isEscaped);
    at = end;
  }
  return out;
}

/** After the next line feed, but no further than the longest segment. */
function segmentEnd(text: string, start: number): number {
  const lineFeed = text.indexOf('\n', start);
  const end = lineFeed < 0 ? text.length : lineFeed + 1;
  if (end - start <= MAX_SEGMENT) return end;
  let at = start;
  for (let points = 0; points < MAX_SEGMENT && at < end; points++)
    at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}

function repairSegment(segment: string, isEscaped: boolean): string {
  let current = segment;
  for (let layer = 0; layer <= MAX_LAYERS; layer++) {
    const repaired = repairLayer(current, isEscaped);
    if (repaired === current) return current;
    current = repaired;
  }
  throw new ClipError(
    'invalid_request',
    `text: expected at most ${MAX_LAYERS} layers of escapes within escapes, got more`,
  );
}

function repairLayer(text: string, isEscaped: boolean): string {
  const unescaped = isEscaped ? unescapeClosed(text) : text;
  if (PLAIN.test(unescaped)) return unescaped;
  return fixC1Controls(fixEncoding(unescaped))
    .replace(LIGATURE, (ligature) => LIGATURES.get(ligature)!)
    .replace(WIDTH_FORM, (form) => form.normalize('NFKC'))
    .replace(/[\u201c-\u201f]/g, '"')
    .replace(/[\u02bc\u2018-\u201b]/g, "'")
    .replace(/\r\n?|[\u2028\u2029\x85]/g, '\n')
    .replace(LONE_SURROGATE, '\ufffd')
    .replace(ANSI_ESCAPE, '')
    .replace(CONTROL, '')
    .normalize('NFC');
}
