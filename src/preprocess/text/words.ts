const GAP = 1;
const LETTER = 2;
const NUMBER = 3;
const OTHER = 4;

const SPECIAL = /<\|(?:[sſ]tartoftext|endoftext)\|>/y;

/** What each code point is, found out when it is first met; 0 is not met yet. */
const kinds = new Uint8Array(0x110000);

/**
 * End of the word that starts at `start`, which must not be a gap: the literal `<|startoftext|>` or `<|endoftext|>`,
 * one of the endings 's 't 're 've 'm 'll 'd, a run of letters, one number, or a run of anything else.
 *
 * @param text in lower case
 */
export function wordEnd(text: string, start: number): number {
  const code = codeAt(text, start);
  const kind = kindOf(code);
  const end = start + unitsOf(code);
  if (kind === NUMBER) return end;
  if (kind === OTHER) {
    const special = code === 0x27 ? endingEnd(text, start) : code === 0x3c ? specialEnd(text, start) : 0;
    if (special > 0) return special;
  }
  return runEnd(text, end, kind);
}

/** Start of the next word at or after `from`; the text's length where there is none. */
export function wordStart(text: string, from: number): number {
  return runEnd(text, from, GAP);
}

function runEnd(text: string, from: number, kind: number): number {
  let at = from;
  while (at < text.length) {
    const code = codeAt(text, at);
    if (kindOf(code) !== kind) break;
    at += unitsOf(code);
  }
  return at;
}

function codeAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit < 0xd800 || unit > 0xdbff ? unit : text.codePointAt(at)!;
}

function unitsOf(code: number): number {
  return code > 0xffff ? 2 : 1;
}

function kindOf(code: number): number {
  return kinds[code] || classify(code);
}

function classify(code: number): number {
  const character = String.fromCodePoint(code);
  let kind = OTHER;
  if (/\p{L}/u.test(character)) kind = LETTER;
  else if (/\p{N}/u.test(character)) kind = NUMBER;
  // Ignoring case, the reference's pattern takes U+0345 (folded to ι) neither for a letter nor for anything else.
  else if (code === 0x345) kind = GAP;
  else if (/[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/.test(character)) kind = GAP;
  kinds[code] = kind;
  return kind;
}

/** Of 's 't 'm 'd 're 've 'll; ſ is an s to the reference, which ignores case. */
function endingEnd(text: string, apostrophe: number): number {
  const first = text[apostrophe + 1];
  if (first === 's' || first === 't' || first === 'm' || first === 'd' || first === 'ſ')
    return apostrophe + 2;
  const second = text[apostrophe + 2];
  const isLong = (first === 'r' || first === 'v') && second === 'e';
  return isLong || (first === 'l' && second === 'l') ? apostrophe + 3 : 0;
}

function specialEnd(text: string, start: number): number {
  SPECIAL.lastIndex = start;
  return SPECIAL.test(text) ? SPECIAL.lastIndex : 0;
}
