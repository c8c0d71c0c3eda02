import type { JsonObject } from '../protocol/jina/document.ts';
import { httpBase, type ServerAddress } from './address.ts';
import { ClipClientError, isServerCode } from './error.ts';
import { documentFromJson, documentToJson, object, type ToBase64 } from './json.ts';
import type { Settings } from './options.ts';
import { faultOfConnection, faultOfHttp, faultOfStatus, type ServerStatus } from './server-fault.ts';
import type { Readiness, ServerInfo, Transport, TransportAnswer, TransportRequest } from './transport.ts';

/** What is used of `fetch`, so that another implementation fits as well. */
export type Fetch = (
  url: string,
  init: {
    method: string;
    headers: Record<string, string>;
    body?: string;
    signal: AbortSignal;
    redirect: 'manual';
  },
) => Promise<{
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): Reader } | null;
}>;

interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }>;
  cancel(): Promise<void>;
}

export interface HttpParts {
  readonly fetch: Fetch;
  readonly toBase64: ToBase64;
  /** Ends the connections that are kept open. */
  readonly close: () => Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly bytes: number;
  readonly retryAfterMs: number | undefined;
}

/** Of nine digits, which is what the server reads. */
const MOST_TIMEOUT_MS = 999_999_999;

type HttpSettings = Pick<Settings, 'token' | 'headers' | 'timeoutMs' | 'answerBytes'>;

/** JSON over HTTP, one POST a request, to a clip-server. */
export class HttpTransport implements Transport {
  readonly #base: string;
  readonly #settings: HttpSettings;
  readonly #parts: HttpParts;

  constructor(address: ServerAddress, settings: HttpSettings, parts: HttpParts) {
    this.#base = httpBase(address);
    this.#settings = settings;
    this.#parts = parts;
  }

  async request(request: TransportRequest, signal: AbortSignal): Promise<TransportAnswer> {
    const { requestId, endpoint, parameters, documents } = request;
    const body = JSON.stringify({
      header: { requestId },
      parameters,
      data: documents.map((document) => documentToJson(document, this.#parts.toBase64)),
    });
    const reply = await this.#exchange('POST', endpoint, signal, body);
    const json = jsonOf(reply);
    // Where every document failed, each one tells why.
    if (reply.status !== 200 && !tellsEach(json)) throw faultOfReply(reply, json);
    const header = object(json.header, 'header');
    const answered = listOf(json.data).map(documentFromJson);
    const fault = faultOfStatus(header.status as ServerStatus | null);
    if (fault && !answered.some(({ error }) => error)) throw fault;
    return { documents: answered, routes: routesOf(json.routes), bytes: body.length + reply.bytes };
  }

  async ready(signal: AbortSignal): Promise<Readiness> {
    const reply = await this.#exchange('GET', '/readyz', signal);
    if (reply.status !== 200 && reply.status !== 503) return this.#dryRun(signal);
    const { ready, reasons } = jsonOf(reply);
    if (typeof ready !== 'boolean') throw faultOfReply(reply, undefined);
    return { ready, reasons: listOf(reasons).map(String) };
  }

  /** As the reference has it: always 200, with a code. */
  async #dryRun(signal: AbortSignal): Promise<Readiness> {
    const reply = await this.#exchange('GET', '/dry_run', signal);
    if (reply.status !== 200) throw faultOfReply(reply, undefined);
    const fault = faultOfStatus(jsonOf(reply));
    return { ready: fault === undefined, reasons: fault ? [fault.message] : [] };
  }

  async info(signal: AbortSignal): Promise<ServerInfo> {
    const reply = await this.#exchange('GET', '/status', signal);
    if (reply.status !== 200) throw faultOfReply(reply, undefined);
    const { jina, envs } = jsonOf(reply);
    return {
      versions: object(jina, 'jina') as ServerInfo['versions'],
      environment: object(envs, 'envs') as ServerInfo['environment'],
    };
  }

  close(): Promise<void> {
    return this.#parts.close();
  }

  async #exchange(method: string, path: string, signal: AbortSignal, body?: string): Promise<Reply> {
    const { token, headers, timeoutMs } = this.#settings;
    const sent: Record<string, string> = { ...headers };
    if (token !== undefined) sent.authorization = token;
    if (body !== undefined)
      Object.assign(sent, {
        'content-type': 'application/json',
        'x-request-timeout-ms': String(Math.min(timeoutMs, MOST_TIMEOUT_MS)),
      });
    try {
      const response = await this.#parts.fetch(this.#base + path, {
        method,
        headers: sent,
        body,
        signal,
        redirect: 'manual',
      });
      const { text, bytes } = await this.#read(response.body);
      return {
        status: response.status,
        text,
        bytes,
        retryAfterMs: retryAfter(response.headers.get('retry-after')),
      };
    } catch (thrown) {
      if (thrown instanceof ClipClientError || signal.aborted) throw thrown;
      throw faultOfConnection(thrown, this.#base);
    }
  }

  async #read(body: { getReader(): Reader } | null): Promise<{ text: string; bytes: number }> {
    if (!body) return { text: '', bytes: 0 };
    const decoder = new TextDecoder();
    const reader = body.getReader();
    let text = '';
    let bytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { text: text + decoder.decode(), bytes };
      bytes += value!.length;
      if (bytes > this.#settings.answerBytes) {
        await reader.cancel();
        throw new ClipClientError(
          'bad_answer',
          `expected at most ${this.#settings.answerBytes} bytes of answer (answerBytes), got more`,
        );
      }
      text += decoder.decode(value, { stream: true });
    }
  }
}

/** Seconds or a date. */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** @throws ClipClientError of the HTTP status where the body is something else, as of a proxy */
function jsonOf(reply: Reply): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(reply.text);
  } catch {
    throw faultOfReply(reply, undefined);
  }
  return object(value, 'the answer');
}

function tellsEach({ data }: JsonObject): boolean {
  return Array.isArray(data) && data.length > 0 && data.every((document) => document?.error);
}

function faultOfReply(reply: Reply, json: JsonObject | undefined): ClipClientError {
  const { status, retryAfterMs } = reply;
  const error = json?.error as { code?: unknown; message?: unknown } | undefined;
  if (isServerCode(error?.code))
    return new ClipClientError(error.code, String(error.message), { status, retryAfterMs });
  const said = json ? detailOf(json) : `expected JSON, got ${JSON.stringify(reply.text.slice(0, 80))}`;
  if (status >= 200 && status < 400)
    return new ClipClientError('bad_answer', `HTTP ${status}: ${said}`, { status });
  return faultOfHttp(status, `HTTP ${status}: ${said}`, { retryAfterMs });
}

/** What the server, or another one of Jina's, says beside the status. */
function detailOf({ detail, header }: JsonObject): string {
  if (typeof detail === 'string') return detail;
  const [first] = Array.isArray(detail) ? detail : [];
  if (first) return `${[first.loc].flat().join('.')}: ${first.msg}`;
  return (header as { status?: ServerStatus } | undefined)?.status?.description ?? 'no reason given';
}

function listOf(value: unknown): unknown[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw new ClipClientError('bad_answer', `expected a list, got ${typeof value}`);
}

function routesOf(value: unknown): TransportAnswer['routes'] {
  return listOf(value).map((entry) => {
    const { executor, startTime, endTime } = object(entry, 'a route');
    return { executor: String(executor), start: microseconds(startTime) ?? 0, end: microseconds(endTime) };
  });
}

/** RFC 3339; Date reads no more than milliseconds. */
function microseconds(time: unknown): number | undefined {
  if (typeof time !== 'string') return undefined;
  const fraction = /\.(\d{1,6})/.exec(time)?.[1] ?? '';
  const whole = Date.parse(time.replace(/\.\d+/, ''));
  return Number.isNaN(whole) ? undefined : whole * 1000 + Number(fraction.padEnd(6, '0'));
}
