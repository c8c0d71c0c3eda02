import { createHash, timingSafeEqual } from 'node:crypto';
import type { GatewayConfig } from '../config/config.ts';
import { ClipError } from '../errors.ts';

/** Why a request with this `authorization` is refused; undefined where it may go on. */
export type KeyCheck = (authorization: string | undefined) => ClipError | undefined;

/** What stands before a key in the sub-protocols of a WebSocket: a browser can set nothing else there. */
const SUBPROTOCOL = 'bearer.';

/**
 * Takes `Bearer KEY`, and the key alone, as the Python client of clip-as-service sends it. Digests are compared, each in
 * constant time and always all of them, so that the time tells nothing of a key.
 */
export function keyCheck({ apiKeys }: Pick<GatewayConfig, 'apiKeys'>): KeyCheck {
  if (apiKeys.length === 0) return () => undefined;
  const accepted = apiKeys.map((digest) => Buffer.from(digest, 'hex'));
  return (authorization) => {
    const came = authorization?.trim().replace(/^Bearer +/i, '');
    if (!came) return new ClipError('unauthorized', 'expected an API key as authorization, got none');
    const digest = createHash('sha256').update(came).digest();
    const matches = accepted.filter((each) => timingSafeEqual(each, digest)).length;
    return matches > 0
      ? undefined
      : new ClipError('unauthorized', 'expected an API key of this server, got another');
  };
}

/** The key among a WebSocket's sub-protocols, `bearer.` and the key as base64url; undefined where there is none. */
export function keyOfSubprotocols(header: string | undefined): string | undefined {
  const names = header?.split(',').map((name) => name.trim());
  const found = names?.find((name) => name.startsWith(SUBPROTOCOL));
  return found && Buffer.from(found.slice(SUBPROTOCOL.length), 'base64url').toString();
}
