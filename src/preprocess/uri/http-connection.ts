import type { LookupAddress } from 'node:dns';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { isIP, type LookupFunction } from 'node:net';
import { ClipError } from '../../errors.ts';
import { bounded } from './bounded.ts';
import { type Guard, hostOf } from './guard.ts';
import type { Network } from './network.ts';

/** Some hosts turn unknown agents away; `identity` spares an inflation. */
const HEADERS = {
  'user-agent': 'Mozilla/5.0 (compatible; clip-server)',
  accept: 'image/*,*/*;q=0.5',
  'accept-encoding': 'identity',
};

export interface Hop {
  readonly url: URL;
  /** Names the URL in sentences. */
  readonly where: string;
  readonly guard: Guard;
  readonly network: Network;
  /** Bound in ms for resolving, connecting and the TLS handshake together. */
  readonly connectMs: number;
  readonly onConnectTimeout: () => void;
}

/**
 * Sends one GET and resolves with the head of the response; redirects are not followed. The addresses are resolved once
 * and vetted, and the connection can go to no other, so a name that changes its meaning gains nothing. There are no
 * cookies and no proxies, and the connection is not kept.
 *
 * @throws ClipError forbidden_uri, fetch_failed; errors of the socket as they are
 */
export async function openResponse(hop: Hop, signal: AbortSignal): Promise<IncomingMessage> {
  hop.guard.checkUrl(hop.url, hop.where);
  const late = () => {
    hop.onConnectTimeout();
    return new ClipError(
      'fetch_failed',
      `${hop.where}: expected a connection within ${hop.connectMs} ms, got none`,
    );
  };
  const { response } = await bounded(hop.connectMs, signal, late, (phase) => connect(hop, signal, phase));
  return response;
}

async function connect(
  hop: Hop,
  signal: AbortSignal,
  phase: AbortSignal,
): Promise<{ response: Promise<IncomingMessage> }> {
  const addresses = await vettedAddresses(hop);
  // The bound may have passed while the resolver was busy; no socket is opened for nobody.
  phase.throwIfAborted();
  const request = hop.network.request(hop.url, options(addresses, signal));
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', reject);
  });
  // Until the connection stands, `connected` reports the same error.
  response.catch(() => {});
  phase.addEventListener('abort', () => request.destroy(), { once: true });
  request.end();
  await connected(request, hop.url.protocol === 'https:' ? 'secureConnect' : 'connect');
  return { response };
}

async function vettedAddresses(hop: Hop): Promise<readonly LookupAddress[]> {
  const host = hostOf(hop.url);
  const family = isIP(host);
  const addresses = family ? [{ address: host, family }] : await hop.network.resolve(host);
  hop.guard.checkAddresses(hop.url, addresses, hop.where);
  if (addresses.length > 0) return addresses;
  throw new ClipError('fetch_failed', `${hop.where}: expected an address for the host, got none`);
}

function options(addresses: readonly LookupAddress[], signal: AbortSignal): RequestOptions {
  const lookup: LookupFunction = (_host, { all }, callback) => {
    if (all) callback(null, [...addresses]);
    else callback(null, addresses[0]!.address, addresses[0]!.family);
  };
  return { agent: false, lookup, signal, headers: HEADERS };
}

function connected(request: ClientRequest, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    request.once('socket', (socket) => socket.once(event, resolve));
    request.once('error', reject);
  });
}
