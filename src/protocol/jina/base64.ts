import { FieldError, type Location } from './field-error.ts';

/**
 * Standard or URL-safe base64, with or without padding and line breaks. Node's decoder skips what it does not know,
 * so a text with anything foreign in it comes out shorter than its length says; that is how it is found without
 * reading every character here.
 *
 * @throws FieldError for anything else
 */
export function decodeBase64(text: string, at: Location): Uint8Array {
  const decoded = decodeExactly(text) ?? decodeExactly(text.replace(/[\t\n\r ]+/g, ''));
  if (decoded === undefined)
    throw new FieldError(at, `expected base64, got ${text.length} characters that are not`, 'value_error');
  return decoded;
}

function decodeExactly(text: string): Uint8Array | undefined {
  let end = text.length;
  while (end > text.length - 2 && text.charCodeAt(end - 1) === 0x3d) end -= 1;
  const padded = end < text.length;
  if (end % 4 === 1 || (padded && text.length % 4 !== 0)) return undefined;
  const decoded = Buffer.from(text, 'base64');
  return decoded.length === Math.floor((end * 3) / 4) ? decoded : undefined;
}
