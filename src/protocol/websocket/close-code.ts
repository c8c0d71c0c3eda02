import type { ClipError, ErrorCode } from '../../errors.ts';

/** Codes of RFC 6455 §7.4.1 that this server sends of its own accord. */
export const NORMAL = 1000;
export const GOING_AWAY = 1001;
const POLICY = 1008;
const INTERNAL = 1011;

/** Where neither "not as agreed" nor "the server's fault" is exact. */
const CODES: Partial<Record<ErrorCode, number>> = {
  unsupported_media_type: 1003,
  invalid_json: 1007,
  overloaded: 1013,
};

/** A control frame holds 125 bytes, of which the code takes two. */
const MOST_REASON_BYTES = 123;

/** The code for an error that ends a connection. The Python client raises ConnectionError at 1011, and only there. */
export function closeCodeOf({ code, kind }: ClipError): number {
  return CODES[code] ?? (kind.http < 500 ? POLICY : INTERNAL);
}

/** The text as a close frame can carry it, cut between characters. */
export function closeReason(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MOST_REASON_BYTES) return text;
  let end = MOST_REASON_BYTES - Buffer.byteLength('…');
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString('utf8', 0, end)}…`;
}
