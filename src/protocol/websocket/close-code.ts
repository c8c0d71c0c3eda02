import { ClipError, type ErrorCode } from '../../errors.ts';

export const NORMAL = 1000;
export const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
const INTERNAL_ERROR = 1011;
/** RFC 6455 §5.5: a control frame holds 125 bytes, two of them the code. */
const REASON_BYTES = 123;

/** The Python client takes 1011 for a server that cannot be reached, and nothing else. */
const CODES: Partial<Record<ErrorCode, number>> = {
  unsupported_media_type: 1003,
  invalid_json: 1007,
  request_too_large: 1009,
  not_ready: INTERNAL_ERROR,
  draining: INTERNAL_ERROR,
  internal: INTERNAL_ERROR,
};

/** How a connection ends that an error ends. */
export function closeOf(thrown: unknown): { readonly code: number; readonly reason: string } {
  const error = ClipError.from(thrown);
  const reason = error.code === 'internal' ? error.kind.sentence : error.message;
  return { code: CODES[error.code] ?? POLICY_VIOLATION, reason: cut(reason) };
}

/** As many whole characters as a close frame holds. */
function cut(text: string): string {
  let kept = Buffer.from(text);
  if (kept.length <= REASON_BYTES) return text;
  let end = REASON_BYTES;
  while ((kept[end]! & 0xc0) === 0x80) end -= 1;
  kept = kept.subarray(0, end);
  return kept.toString();
}
