import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import type { ClipError, ErrorCode } from '../../errors.ts';
import { ACCEPTED } from './compression.ts';

/** Trailing metadata that names the code, for clients which know this server. */
const CODE_KEY = 'clip-error';
/** Trailing metadata by which gRPC's own retries know how long to wait. */
const PUSHBACK_KEY = 'grpc-retry-pushback-ms';
const PUSHBACK_MS = '1000';
/** A retry at once would meet the same full server. */
const PUSHED_BACK: ReadonlySet<ErrorCode> = new Set(['overloaded', 'queue_timeout']);
/** Clients refuse trailers beyond some KB; in them, a byte outside ASCII takes three. */
const MOST_ENCODED = 3000;

/** How a call ends that did not fail. */
export const OK: StatusObject = { code: status.OK, details: 'OK', metadata: new Metadata() };

/** How a call ends; what concerns one request alone is told in its reply. */
export function grpcStatus(error: ClipError): StatusObject {
  const metadata = new Metadata();
  metadata.set(CODE_KEY, error.code);
  if (error.code === 'unsupported_encoding') metadata.set('grpc-accept-encoding', ACCEPTED);
  if (PUSHED_BACK.has(error.code)) metadata.set(PUSHBACK_KEY, PUSHBACK_MS);
  return {
    code: status[error.kind.grpc as keyof typeof status],
    details: sendable(error.message),
    metadata,
  };
}

/** Well-formed, and short enough once the trailers have percent signs in it. */
function sendable(text: string): string {
  let short = Buffer.from(text.slice(0, MOST_ENCODED)).toString();
  while (encodeURI(short).length > MOST_ENCODED) short = `${short.slice(0, Math.floor(short.length / 2))}…`;
  return Buffer.from(short).toString();
}
