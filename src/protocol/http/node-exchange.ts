import type { IncomingMessage, ServerResponse } from 'node:http';
import { ClipError } from '../../errors.ts';
import { BodyReader } from './body.ts';
import { clientLeft, type Exchange } from './exchange.ts';
import { Head } from './head.ts';
import type { BodyOptions, HttpLimits, HttpServerOptions, RefusingLimit, Reply } from './server.ts';

const SLICE = 64 * 1024;

export function headOf(
  { url = '/', rawHeaders }: IncomingMessage,
  limits: HttpLimits,
  onLimit: (limit: RefusingLimit) => void,
): Head {
  const head = new Head(url, limits, onLimit);
  for (let i = 0; i < rawHeaders.length; i += 2) head.add(rawHeaders[i]!.toLowerCase(), rawHeaders[i + 1]!);
  return head;
}

export class NodeExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly signal: AbortSignal;
  answered = false;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: HttpServerOptions;
  readonly #head: Head;
  readonly #closing: () => boolean;
  readonly #awaitsContinue: boolean;
  readonly #leave = new AbortController();
  #reader: BodyReader | undefined;

  constructor(
    message: IncomingMessage,
    response: ServerResponse,
    options: HttpServerOptions,
    state: { readonly closing: () => boolean; readonly awaitsContinue: boolean },
  ) {
    this.#message = message;
    this.#response = response;
    this.#options = options;
    this.#closing = state.closing;
    this.#awaitsContinue = state.awaitsContinue;
    this.method = message.method ?? 'GET';
    this.path = (message.url ?? '/').split('?', 1)[0]!;
    this.signal = this.#leave.signal;
    this.#head = headOf(message, options.limits, options.onLimit);
    this.#watch();
  }

  get headers(): ReadonlyMap<string, string> {
    return this.#head.headers;
  }

  get fault() {
    return this.#head.fault;
  }

  body(options: BodyOptions): Promise<Buffer> {
    this.#reader = new BodyReader(options, this.#head.contentLength, {
      ms: this.#options.limits.bodyMs,
      onSlow: () => this.#options.onLimit('bodyMs'),
    });
    const reader = this.#reader;
    this.#message.on('data', (chunk: Buffer) => reader.add(chunk));
    this.#message.once('end', () => reader.end());
    this.#message.once('error', () => reader.fail(clientLeft()));
    if (this.#awaitsContinue) this.#response.writeContinue();
    reader.promise.catch(() => this.#message.pause());
    return reader.promise;
  }

  /** Ends the wait for a body that cannot be read. False where nothing waits for one. */
  breakBody(fault: string): boolean {
    this.#reader?.fail(
      new ClipError('invalid_request', `expected a body framed as HTTP/1.1 says, got ${fault}`),
    );
    return this.#reader !== undefined && !this.answered;
  }

  async send({ status, headers, body }: Reply): Promise<boolean> {
    if (this.answered) throw new Error('expected one response to a request, got a second');
    this.answered = true;
    if (this.signal.aborted) return false;
    // What is left of an unread body would be taken for the next request.
    const unread = this.#head.hasBody && !this.#message.complete;
    const close = unread || this.#closing() || this.fault !== undefined;
    try {
      this.#response.writeHead(status, {
        ...headers,
        // Of 304 it would be that of the answer which is not sent.
        ...(status === 304 ? {} : { 'content-length': body.length }),
        ...(close ? { connection: 'close' } : {}),
      });
    } catch (error) {
      this.#response.destroy();
      throw error;
    }
    return await this.#write(this.method === 'HEAD' ? body.subarray(0, 0) : body);
  }

  #watch(): void {
    const { socket } = this.#message;
    const onClose = (): void => {
      if (!this.#response.writableFinished) this.#leave.abort(clientLeft());
    };
    socket.once('close', onClose);
    this.#response.once('finish', () => socket.off('close', onClose));
    // A body cut off in the middle is reported here as well.
    this.#message.on('error', onClose);
    this.#response.on('error', onClose);
  }

  /** In slices, so that a client that takes nothing is noticed. */
  #write(body: Uint8Array): Promise<boolean> {
    const response = this.#response;
    return new Promise((resolve) => {
      let offset = 0;
      let stall: NodeJS.Timeout | undefined;
      const finish = (sent: boolean): void => {
        clearTimeout(stall);
        resolve(sent);
      };
      const proceed = (): void => {
        stall?.refresh();
        while (offset < body.length) {
          const slice = body.subarray(offset, offset + SLICE);
          offset += slice.length;
          if (!response.write(slice) && offset < body.length) return;
        }
        response.end();
      };
      const startTimer = (): void => {
        stall = setTimeout(() => {
          this.#options.onLimit('sendMs');
          response.destroy();
        }, this.#options.limits.sendMs);
      };
      this.signal.addEventListener('abort', () => finish(false), { once: true });
      response.once('finish', () => finish(true));
      response.on('drain', proceed);
      // A pipelined answer has no socket, and no time to lose, until those before it are out.
      if (response.socket) startTimer();
      else response.once('socket', startTimer);
      proceed();
    });
  }
}
