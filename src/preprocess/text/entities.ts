import { decodeHTML, decodeHTMLStrict } from 'entities';
import { CODEPAGES } from './codepages.ts';

const CLOSED_REFERENCE = /&#?[0-9A-Za-z]{1,24};/g;
const ANY_REFERENCE = /&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)/gu;
const WINDOWS_1252 = CODEPAGES['windows-1252'];

/**
 * Character references as ftfy 6.3.1 resolves them (`unescape_html`), one layer: only those that end in a
 * semicolon, and the names of lower-case entities also in capitals (`&NTILDE;` → Ñ) where HTML knows no such name.
 */
export function unescapeClosed(text: string): string {
  return text.includes('&') ? text.replace(CLOSED_REFERENCE, resolveClosed) : text;
}

/** Character references as Python's `html.unescape` resolves them, one layer: old names also without semicolon. */
export function unescapeAny(text: string): string {
  return text.includes('&') ? text.replace(ANY_REFERENCE, resolveAny) : text;
}

function resolveClosed(reference: string): string {
  if (reference[1] === '#') {
    const resolved = unescapeAny(reference);
    return resolved.includes(';') ? reference : resolved;
  }
  const named = decodeHTMLStrict(reference);
  if (named !== reference) return named;
  const isCapitals = reference === reference.toUpperCase() && decodeHTML(reference) === reference;
  if (!isCapitals) return reference;
  const small = reference.toLowerCase();
  const resolved = decodeHTMLStrict(small);
  return resolved === small ? reference : resolved.toUpperCase();
}

function resolveAny(reference: string): string {
  if (reference[1] !== '#') return decodeHTML(reference);
  const isHex = reference[2] === 'x' || reference[2] === 'X';
  return numbered(isHex ? Number.parseInt(reference.slice(3), 16) : Number.parseInt(reference.slice(2), 10));
}

/** The rule of the HTML standard as Python reads it: C1 as windows-1252, what is no character becomes nothing. */
function numbered(code: number): string {
  if (code === 0 || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return '\ufffd';
  if (code >= 0x80 && code <= 0x9f) return WINDOWS_1252[code - 0x80]!;
  const isControl = code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0c && code !== 0x0d;
  const isNoCharacter = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;
  return isControl || code === 0x7f || isNoCharacter ? '' : String.fromCodePoint(code);
}
