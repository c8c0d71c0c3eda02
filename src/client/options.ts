import type { JsonObject } from '../protocol/jina/document.ts';
import { ClipClientError } from './error.ts';

export interface RetryOptions {
  /** Tries in all, the first one included; 1 is no retry. Default 4. */
  readonly attempts?: number;
  /** ms before the second try; doubled before each further one, and cut at random by up to a half. Default 100. */
  readonly minMs?: number;
  /** Longest wait in ms; a server that asks for more is not asked again. Default 10,000. */
  readonly maxMs?: number;
}

/** As Node's `tls.connect` takes them, in PEM. Not in a browser. */
export interface TlsOptions {
  /** Certificates to trust instead of the system's. */
  readonly ca?: string;
  /** Of this client, where the server asks for one. */
  readonly cert?: string;
  readonly key?: string;
  /** `false` trusts whoever answers: for a server at a loopback address, which no certificate names. Default true. */
  readonly rejectUnauthorized?: boolean;
}

export interface ClientOptions {
  /** Sent as it is in the header or metadata `authorization`. In Node the default is the environment's `CLIP_AUTH_TOKEN`. */
  readonly token?: string;
  /** One of a clip-server's API keys, sent as `Bearer KEY`; instead of `token`. In Node the default is the environment's `CLIP_API_KEY`. */
  readonly apiKey?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: TlsOptions;
  /** ms that one try of one request may take, connecting included. Default 60,000. */
  readonly timeoutMs?: number;
  /** Items in one request. Default 32. */
  readonly batchSize?: number;
  /** Bytes of content at which a request is sent before it has `batchSize` items. Default 16 MiB. */
  readonly batchBytes?: number;
  /** Requests in flight at once, over all calls of this client. Default 16. */
  readonly concurrency?: number;
  /** Bytes of one answer; more ends it. Default 256 MiB. */
  readonly answerBytes?: number;
  readonly retry?: RetryOptions;
}

export interface Progress {
  /** Items answered. */
  readonly done: number;
  /** Items in all, where the input has a length. */
  readonly total?: number;
  /** Of requests and answers so far, without headers. */
  readonly bytes: number;
}

export interface CallOptions {
  /** Ends the call; what is in flight is given up. */
  readonly signal?: AbortSignal;
  /** Called after each request. */
  readonly onProgress?: (progress: Progress) => void;
  /** For this call instead of the client's. */
  readonly batchSize?: number;
  /** For the server, beside those that the call sends by itself. */
  readonly parameters?: JsonObject;
}

export interface Settings {
  /** The value of `authorization`. */
  readonly token: string | undefined;
  /** The key in it, where it was given as one. */
  readonly apiKey: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
  readonly timeoutMs: number;
  readonly batchSize: number;
  readonly batchBytes: number;
  readonly concurrency: number;
  readonly answerBytes: number;
  readonly retry: Required<RetryOptions>;
}

const MIB = 1024 * 1024;
const LONGEST_MS = 2 ** 31 - 1;

/** @throws ClipClientError invalid_input for a number out of its range, or a key that cannot be sent */
export function settingsFrom(options: ClientOptions): Settings {
  const { retry = {} } = options;
  return {
    ...authorization(options),
    headers: options.headers ?? {},
    tls: options.tls ?? {},
    timeoutMs: whole('timeoutMs', options.timeoutMs, 60_000, LONGEST_MS),
    batchSize: whole('batchSize', options.batchSize, 32),
    batchBytes: whole('batchBytes', options.batchBytes, 16 * MIB),
    concurrency: whole('concurrency', options.concurrency, 16),
    answerBytes: whole('answerBytes', options.answerBytes, 256 * MIB),
    retry: {
      attempts: whole('retry.attempts', retry.attempts, 4),
      minMs: whole('retry.minMs', retry.minMs, 100, LONGEST_MS),
      maxMs: whole('retry.maxMs', retry.maxMs, 10_000, LONGEST_MS),
    },
  };
}

function authorization({ token, apiKey }: ClientOptions): Pick<Settings, 'token' | 'apiKey'> {
  if (!apiKey) return { token: token || undefined, apiKey: undefined };
  if (token) throw new ClipClientError('invalid_input', 'apiKey, token: expected one of them, got both');
  if (!/^[!-~]+$/.test(apiKey))
    throw new ClipClientError('invalid_input', 'apiKey: expected visible ASCII characters, got others');
  return { token: `Bearer ${apiKey}`, apiKey };
}

export function whole(
  name: string,
  value: number | undefined,
  fallback: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  if (value === undefined) return fallback;
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw new ClipClientError(
    'invalid_input',
    `${name}: expected a whole number from 1 to ${most}, got ${value}`,
  );
}
