import type { IncomingMessage } from 'node:http';
import type { FetchConfig } from '../../config/config.ts';
import { ClipError } from '../../errors.ts';
import type { Logger } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { abortError } from './bounded.ts';
import type { Guard } from './guard.ts';
import { readBody } from './http-body.ts';
import { openResponse } from './http-connection.ts';
import type { Network } from './network.ts';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export interface FetchSetting {
  readonly config: FetchConfig;
  readonly maxBytes: number;
  readonly guard: Guard;
  readonly network: Network;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * The body behind `start`, following up to `config.redirects` redirects, each vetted like the first URL. The caller
 * bounds the whole by aborting `signal`.
 *
 * @param written names `start` in sentences
 * @throws ClipError invalid_uri, forbidden_uri, fetch_failed, image_too_large
 */
export async function fetchUrl(
  start: URL,
  written: string,
  setting: FetchSetting,
  signal: AbortSignal,
): Promise<Uint8Array> {
  let url = start;
  for (let redirects = 0; ; redirects++) {
    const where = redirects === 0 ? written : `${written}, redirect ${redirects}`;
    try {
      const answer = await hop(url, where, setting, signal);
      if (answer instanceof Uint8Array) return answer;
      url = answer;
    } catch (error) {
      throw signal.aborted ? abortError(signal) : typed(error, where, setting.log);
    }
    if (redirects < setting.config.redirects) continue;
    setting.metrics.limited.inc({ limit: 'fetch_redirects' });
    throw new ClipError('fetch_failed', `${written}: expected at most ${redirects} redirects, got more`);
  }
}

/** The body, or the URL that the answer sends to. */
async function hop(
  url: URL,
  where: string,
  { config, guard, network, metrics, maxBytes }: FetchSetting,
  signal: AbortSignal,
): Promise<Uint8Array | URL> {
  const onConnectTimeout = () => metrics.limited.inc({ limit: 'fetch_connect_ms' });
  const { connectMs } = config;
  const response = await openResponse({ url, where, guard, network, connectMs, onConnectTimeout }, signal);
  try {
    const status = response.statusCode!;
    if (REDIRECTS.has(status)) return redirectTarget(response, url, where);
    if (status >= 200 && status < 300) return await readBody(response, maxBytes, where);
    throw new ClipError('fetch_failed', `${where}: expected status 200, got ${status}`);
  } finally {
    response.destroy();
  }
}

function redirectTarget(response: IncomingMessage, url: URL, where: string): URL {
  const location = response.headers.location;
  if (location !== undefined && URL.canParse(location, url.href)) return new URL(location, url);
  const found = location === undefined ? 'none' : 'one that is no URL';
  throw new ClipError(
    'fetch_failed',
    `${where}: expected a location with status ${response.statusCode}, got ${found}`,
  );
}

/** Messages of sockets hold addresses, so that only their code goes into the sentence; the log has the rest. */
function typed(error: unknown, where: string, log: Logger): ClipError {
  if (error instanceof ClipError) return error;
  log.debug({ err: error, uri: where }, 'fetch failed');
  const { code } = error as NodeJS.ErrnoException;
  const fault = code === 'ENOTFOUND' ? 'a host name that does not resolve' : (code ?? 'a broken connection');
  return new ClipError('fetch_failed', `${where}: expected an answer, got ${fault}`);
}
