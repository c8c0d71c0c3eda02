import { ClipError } from '../../errors.ts';
import { quote } from './quote.ts';

/** Spelt wholly in percent-encoded base64, a byte takes 4 characters; what is longer is over the limit for sure. */
const CHARACTERS_PER_BYTE = 4;
const SLACK = 1024;
const NOT_BASE64 = /[^A-Za-z0-9+/\-_]/;
const PERCENT = 0x25;

/**
 * The bytes of a `data:` URI (RFC 2397). Base64 may hold white space, the URL-safe letters `-_`, and lack its
 * padding. The media type is not looked at: the decoder judges the bytes.
 *
 * @throws ClipError invalid_uri where it is malformed or empty; image_too_large above `maxBytes`, before decoding
 */
export function decodeDataUri(uri: string, maxBytes: number): Uint8Array {
  const comma = uri.indexOf(',');
  if (comma < 0) throw invalid(uri, 'expected a comma between the media type and the data, got none');
  if (uri.length - comma > CHARACTERS_PER_BYTE * maxBytes + SLACK) throw tooLarge(maxBytes);
  const isBase64 = /;\s*base64\s*$/i.test(uri.slice(0, comma));
  const payload = uri.slice(comma + 1);
  const bytes = isBase64 ? decodeBase64(uri, payload, maxBytes) : decodePercent(uri, payload, maxBytes);
  if (bytes.length === 0) throw invalid(uri, 'expected data after the comma, got none');
  return bytes;
}

function decodeBase64(uri: string, payload: string, maxBytes: number): Uint8Array {
  const plain = payload.includes('%')
    ? Buffer.from(decodePercent(uri, payload, Number.POSITIVE_INFINITY)).toString('latin1')
    : payload;
  const packed = /\s/.test(plain) ? plain.replace(/\s+/g, '') : plain;
  const end = packed.endsWith('==') ? packed.length - 2 : packed.length - (packed.endsWith('=') ? 1 : 0);
  const digits = packed.slice(0, end);
  const wrong = NOT_BASE64.exec(digits);
  if (wrong) throw invalid(uri, `expected base64, got ${JSON.stringify(wrong[0])} in it`);
  if (digits.length % 4 === 1 || (end < packed.length && packed.length % 4 !== 0)) {
    throw invalid(uri, `expected whole base64 groups of 4, got ${packed.length} characters`);
  }
  if (Math.floor((digits.length * 3) / 4) > maxBytes) throw tooLarge(maxBytes);
  return Buffer.from(digits, 'base64');
}

function decodePercent(uri: string, payload: string, maxBytes: number): Uint8Array {
  const source = Buffer.from(payload);
  let size = source.length;
  for (let i = source.indexOf(PERCENT); i >= 0; i = source.indexOf(PERCENT, i + 1)) size -= 2;
  if (size > maxBytes) throw tooLarge(maxBytes);
  const bytes = Buffer.alloc(Math.max(0, size));
  let at = 0;
  for (let i = 0; i < source.length; i++) {
    if (source[i] !== PERCENT) {
      bytes[at++] = source[i]!;
      continue;
    }
    const digits = source.toString('latin1', i + 1, i + 3);
    if (!/^[0-9a-f]{2}$/i.test(digits)) {
      throw invalid(uri, `expected two hexadecimal digits after %, got ${JSON.stringify(digits)}`);
    }
    bytes[at++] = Number.parseInt(digits, 16);
    i += 2;
  }
  return bytes;
}

function invalid(uri: string, fault: string): ClipError {
  return new ClipError('invalid_uri', `${quote(uri)}: ${fault}`);
}

function tooLarge(maxBytes: number): ClipError {
  return new ClipError('image_too_large', `data: URI: expected at most ${maxBytes} bytes, got more`);
}
