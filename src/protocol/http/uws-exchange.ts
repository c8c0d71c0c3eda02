import type { HttpRequest as UwsRequest, HttpResponse as UwsResponse } from 'uWebSockets.js';
import { STATUS_CODES } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ClipError } from '../../errors.ts';
import { BodyReader } from './body.ts';
import { clientLeft, type Exchange } from './exchange.ts';
import { Head } from './head.ts';
import type { BodyOptions, HttpServerOptions, Reply } from './server.ts';

/**
 * uWebSockets.js hands out a response that must never be touched after its connection ended, and ends the process
 * when a handler returns with neither an answer nor an abort handler. Nothing but this class touches it: the abort
 * handler is the first thing registered, and every callback is guarded.
 */
export class UwsExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly signal: AbortSignal;
  answered = false;
  readonly #options: HttpServerOptions;
  readonly #head: Head;
  readonly #closing: () => boolean;
  readonly #leave = new AbortController();
  /** Undefined once the response is complete or its connection ended. */
  #response: UwsResponse | undefined;
  #reader: BodyReader | undefined;
  #bodyComplete: boolean;
  #acceptsBody = true;
  #finish: (sent: boolean) => void = () => {};

  constructor(
    response: UwsResponse,
    request: UwsRequest,
    options: HttpServerOptions,
    closing: () => boolean,
  ) {
    response.onAborted(() => this.#abort());
    this.#response = response;
    this.#options = options;
    this.#closing = closing;
    this.signal = this.#leave.signal;
    this.method = request.getCaseSensitiveMethod();
    this.path = request.getUrl();
    const query = request.getQuery();
    this.#head = new Head(query ? `${this.path}?${query}` : this.path, options.limits, options.onLimit);
    // The request is gone after this call, and so are its headers.
    request.forEach((name, value) => {
      this.#head.add(name, value);
    });
    this.#bodyComplete = !this.#head.hasBody;
    if (!this.#bodyComplete) response.onData((chunk, last) => this.#receive(chunk, last));
  }

  get headers(): ReadonlyMap<string, string> {
    return this.#head.headers;
  }

  get fault() {
    return this.#head.fault;
  }

  /** Ends the synchronous part: chunks that arrive from now on without a reader are lost. */
  refuseLateBody(): void {
    this.#acceptsBody = this.#reader !== undefined;
  }

  body(options: BodyOptions): Promise<Buffer> {
    if (!this.#acceptsBody || this.#reader)
      return Promise.reject(
        new ClipError('internal', 'expected the body to be asked for once, at the start'),
      );
    const reader = new BodyReader(options, this.#head.contentLength, {
      ms: this.#options.limits.bodyMs,
      onSlow: () => this.#options.onLimit('bodyMs'),
    });
    this.#reader = reader;
    if (this.#bodyComplete) reader.end();
    return reader.promise;
  }

  async send(reply: Reply): Promise<boolean> {
    if (this.answered) throw new Error('expected one response to a request, got a second');
    this.answered = true;
    // What follows a request whose end is in doubt has been read already. The library serves it after an answer given
    // at once, but ends the connection while an answer is pending.
    if (this.fault) await nextTurn();
    const response = this.#response;
    if (!response) return false;
    return await new Promise((resolve, reject) => {
      this.#finish = resolve;
      response.cork(() => {
        try {
          this.#write(response, reply);
        } catch (error) {
          reject(error);
          response.close();
        }
      });
    });
  }

  #write(response: UwsResponse, { status, headers, body }: Reply): void {
    response.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
    for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
    // What is left of an unread body would have to be read before the next request.
    const cut = !this.#bodyComplete || this.fault !== undefined;
    if (this.method === 'HEAD' || status === 304) {
      if (cut) response.writeHeader('Connection', 'close');
      // Of 304 it would be that of the answer which is not sent.
      if (status !== 304) response.writeHeader('Content-Length', String(body.length));
      // With the length as its argument, this call waits for that many bytes.
      response.endWithoutBody();
    } else if (cut || body.length === 0) response.end(body, cut);
    else {
      if (this.#closing()) response.writeHeader('Connection', 'close');
      this.#stream(response, body);
      return;
    }
    this.#complete(true);
  }

  /** Hands over what the socket takes and goes on when it takes more; a client that takes nothing is let go. */
  #stream(response: UwsResponse, body: Uint8Array): void {
    const start = response.getWriteOffset();
    if (response.tryEnd(body, body.length)[1]) {
      this.#complete(true);
      return;
    }
    const stall = setTimeout(() => {
      this.#options.onLimit('sendMs');
      this.#response?.close();
    }, this.#options.limits.sendMs);
    this.signal.addEventListener('abort', () => clearTimeout(stall), { once: true });
    response.onWritable((offset) => {
      stall.refresh();
      const [ok, done] = response.tryEnd(body.subarray(offset - start), body.length);
      if (done) {
        clearTimeout(stall);
        this.#complete(true);
      }
      return ok;
    });
  }

  #receive(chunk: ArrayBuffer, last: boolean): void {
    try {
      if (last) this.#bodyComplete = true;
      this.#reader?.add(new Uint8Array(chunk));
      if (last) this.#reader?.end();
    } catch (error) {
      this.#reader?.fail(ClipError.from(error));
    }
  }

  #abort(): void {
    const left = clientLeft();
    this.#leave.abort(left);
    this.#reader?.fail(left);
    this.#complete(false);
  }

  #complete(sent: boolean): void {
    this.#response = undefined;
    this.#finish(sent);
  }
}
