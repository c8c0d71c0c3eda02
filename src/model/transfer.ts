import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import type { PartFile } from './part-file.ts';

export interface TransferLimits {
  /** ms to establish a connection. */
  readonly connectMs: number;
  /** ms without a byte, before the head of an answer or inside its body. */
  readonly stallMs: number;
  readonly redirects: number;
}

export interface TransferContext {
  /** Names proxies: `http_proxy`, `https_proxy`, `no_proxy`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Sent to this origin only, never to where it redirects. */
  readonly hub: { readonly origin: string; readonly token?: string };
  /** Bytes above which an answer cannot be the file. */
  readonly maxBytes: number;
  readonly limits: TransferLimits;
  readonly signal: AbortSignal;
  /** Called with the bytes so far and, where the source states it, the whole. */
  readonly onBytes: (done: number, total: number | undefined) => void;
}

/** Why one attempt failed; `retry` says whether the same source may do better. */
export class TransferError extends Error {
  override readonly name = 'TransferError';
  readonly retry: boolean;
  /** What the source asked for by Retry-After. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: { retry: boolean; retryAfterMs?: number; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retry = options.retry;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Statuses after which the same request may succeed. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** One attempt to bring the rest of the file from a web server or a mirror folder into `part`. */
export async function transfer(url: URL, part: PartFile, context: TransferContext): Promise<void> {
  if (url.protocol === 'file:') return copyMirror(url, part, context);
  const dispatcher = createDispatcher(context);
  try {
    const response = await follow(url, part.size, dispatcher, context);
    const total = await accept(response, part, context);
    await drain(response.body, part, total, context);
    if (total !== undefined && part.size !== total) {
      throw new TransferError(`ended after ${part.size} of ${total} bytes`, { retry: true });
    }
  } finally {
    await dispatcher.destroy();
  }
}

/** Connections of one attempt, through the proxies that the environment names. */
function createDispatcher({ limits, environment }: TransferContext): Dispatcher {
  const variable = (name: string) => environment[name] ?? environment[name.toUpperCase()] ?? '';
  const [httpProxy, httpsProxy, noProxy] = ['http_proxy', 'https_proxy', 'no_proxy'].map(variable);
  const connect = { timeout: limits.connectMs };
  if (!httpProxy && !httpsProxy) return new Agent({ connect });
  // http: URLs go to the proxy as they are, as curl sends them; many proxies tunnel only to port 443.
  const options = { httpProxy, httpsProxy, noProxy, connect, proxyTunnel: false };
  return new EnvHttpProxyAgent(options);
}

async function drain(
  stream: AsyncIterable<Buffer>,
  part: PartFile,
  total: number | undefined,
  context: TransferContext,
  retry = true,
): Promise<void> {
  for await (const chunk of received(stream, context.signal, retry)) {
    if (part.size + chunk.length > context.maxBytes) throw tooLarge(part.size + chunk.length, context);
    await part.append(chunk);
    context.onBytes(part.size, total);
  }
}

async function copyMirror(url: URL, part: PartFile, context: TransferContext): Promise<void> {
  if (part.size > 0) await part.restart();
  const source = createReadStream(fileURLToPath(url), { signal: context.signal });
  await drain(source, part, undefined, context, false);
}

/** Chunks of a stream whose own faults become TransferErrors; those of the reader do not pass through here. */
async function* received(
  stream: AsyncIterable<Buffer>,
  signal: AbortSignal,
  retry: boolean,
): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch (cause) {
    signal.throwIfAborted();
    throw new TransferError(`broke off: ${(cause as Error).message}`, { retry, cause });
  }
}

/** Sends the request and follows redirects by hand, so that the token stays with the hub. */
async function follow(
  first: URL,
  offset: number,
  dispatcher: Dispatcher,
  context: TransferContext,
): Promise<Dispatcher.ResponseData> {
  let url = first;
  for (let hops = 0; hops <= context.limits.redirects; hops++) {
    const response = await send(url, offset, dispatcher, context);
    const { location } = response.headers;
    if (!REDIRECTS.has(response.statusCode) || typeof location !== 'string') return response;
    drop(response);
    if (!URL.canParse(location, url.href)) throw refusal(`redirects to ${JSON.stringify(location)}`);
    const next = new URL(location, url);
    const isWeb = next.protocol === 'https:' || (next.protocol === 'http:' && url.protocol === 'http:');
    if (!isWeb) throw refusal(`redirects from ${url.protocol} to ${next.protocol}`);
    url = next;
  }
  throw refusal(`redirects more than ${context.limits.redirects} times`);
}

async function send(
  url: URL,
  offset: number,
  dispatcher: Dispatcher,
  context: TransferContext,
): Promise<Dispatcher.ResponseData> {
  const { hub, signal, limits } = context;
  const headers: Record<string, string> = { 'user-agent': 'clip-server', 'accept-encoding': 'identity' };
  if (offset > 0) headers.range = `bytes=${offset}-`;
  if (hub.token && url.origin === hub.origin) headers.authorization = `Bearer ${hub.token}`;
  const timeouts = { headersTimeout: limits.stallMs, bodyTimeout: limits.stallMs };
  try {
    const answer = request(url, { dispatcher, signal, headers, ...timeouts });
    const response = await within(answer, limits.connectMs + limits.stallMs, signal);
    // A connection may break before the body is read; the reader then meets the fault there.
    response.body.on('error', () => {});
    return response;
  } catch (cause) {
    signal.throwIfAborted();
    const { message, code } = cause as NodeJS.ErrnoException;
    throw new TransferError(`did not answer: ${message || code}`, { retry: true, cause });
  }
}

/** Bounds a request that undici neither times out nor aborts while it is connecting; the dispatcher's end releases it. */
async function within<T>(answer: Promise<T>, ms: number, signal: AbortSignal): Promise<T> {
  let settle = () => {};
  const bound = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
  });
  answer.catch(() => {}); // Where the bound comes first, nobody else hears how the request ends.
  return Promise.race([answer, bound]).finally(settle);
}

/** Checks the head of the answer against what was asked; resolves to the size of the whole file where it is stated. */
async function accept(
  response: Dispatcher.ResponseData,
  part: PartFile,
  context: TransferContext,
): Promise<number | undefined> {
  const { statusCode, headers } = response;
  const refuse = (error: TransferError) => {
    drop(response);
    return error;
  };
  if (statusCode === 416 || (statusCode === 206 && rangeStart(headers) !== part.size)) {
    await part.restart();
    const range = `${statusCode}, Content-Range ${headers['content-range'] ?? 'absent'}`;
    throw refuse(new TransferError(`does not continue where asked (${range})`, { retry: true }));
  }
  if (statusCode !== 200 && statusCode !== 206) {
    const retryAfterMs = retryAfter(headers['retry-after']);
    const retry = PASSING.has(statusCode);
    throw refuse(
      new TransferError(`answered ${statusCode}`, {
        retry,
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      }),
    );
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw refuse(refusal(`answers in encoding ${encoding}`));
  if (statusCode === 200 && part.size > 0) await part.restart();
  const length = Number(headers['content-length'] ?? Number.NaN);
  const total = Number.isSafeInteger(length) ? part.size + length : undefined;
  if (total !== undefined && total > context.maxBytes) throw refuse(tooLarge(total, context));
  return total;
}

/** First byte of a `bytes START-END/TOTAL`; NaN for anything else. */
function rangeStart(headers: Dispatcher.ResponseData['headers']): number {
  const range = /^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(String(headers['content-range']));
  return Number(range?.[1] ?? Number.NaN);
}

/** ms from a Retry-After of seconds or a date. */
function retryAfter(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** Ends an answer that nobody wants; its connection is not worth the bytes that may follow. */
function drop(response: Dispatcher.ResponseData): void {
  response.body.destroy();
}

function refusal(message: string): TransferError {
  return new TransferError(message, { retry: false });
}

function tooLarge(bytes: number, context: TransferContext): TransferError {
  return refusal(`offers ${bytes} bytes, more than the ${context.maxBytes} that the file can have`);
}
