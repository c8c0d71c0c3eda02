import { untilAborted } from '../abort.ts';
import { decodeResponse, type WireResponse } from '../protocol/jina/wire/response.ts';
import { ClipClientError } from './error.ts';

/** An open connection that carries whole messages both ways. */
export interface Pipe {
  send(message: Uint8Array): void;
  /** Says that no more requests come, and resolves when the server has ended it as well; bounded. */
  end(): Promise<void>;
  /** Ends it at once. */
  drop(): void;
}

export interface PipeEvents {
  message(message: Uint8Array): void;
  /** Once, and nothing comes afterwards. */
  ended(fault: ClipClientError): void;
}

/** @throws ClipClientError where no connection can be made */
export type OpenPipe = (events: PipeEvents, signal: AbortSignal) => Promise<Pipe>;

export interface Reply {
  readonly response: WireResponse;
  readonly bytes: number;
}

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (fault: ClipClientError) => void;
}

/** Many requests on one pipe; each answer finds its request by the request's id. */
export class Connection {
  /** Set when it is of no use any more. */
  fault: ClipClientError | undefined;
  readonly #pipe: Promise<Pipe>;
  readonly #waiting = new Map<string, Waiting>();
  /** Given up by their callers while the server still works on them. */
  readonly #abandoned = new Set<string>();
  #lastMessage = performance.now();

  constructor(open: OpenPipe, timeoutMs: number) {
    const events = {
      message: (message: Uint8Array) => this.#take(message),
      ended: (fault: ClipClientError) => this.#end(fault),
    };
    this.#pipe = open(events, AbortSignal.timeout(timeoutMs));
    this.#pipe.catch((fault) => this.#end(fault));
  }

  /** @throws ClipClientError; what the signal was aborted with */
  async exchange(requestId: string, message: Uint8Array, signal: AbortSignal): Promise<Reply> {
    const pipe = await untilAborted(this.#pipe, signal);
    if (this.fault) throw this.fault;
    const sent = performance.now();
    const reply = new Promise<Reply>((resolve, reject) => {
      this.#waiting.set(requestId, { resolve, reject });
    });
    pipe.send(message);
    try {
      return await untilAborted(reply, signal);
    } catch (error) {
      if (this.#waiting.delete(requestId)) this.#abandoned.add(requestId);
      // Nothing at all since then: the connection may be dead without having said so.
      if (isTimeout(signal) && this.#lastMessage < sent) this.drop(silence());
      throw error;
    }
  }

  async close(): Promise<void> {
    const pipe = await this.#pipe.catch(() => undefined);
    if (this.#waiting.size === 0 && !this.fault) await pipe?.end();
    this.drop(new ClipClientError('closed', 'the client has been closed'));
  }

  drop(fault: ClipClientError): void {
    this.#end(fault);
    this.#pipe.then((pipe) => pipe.drop()).catch(() => {});
  }

  #take(message: Uint8Array): void {
    this.#lastMessage = performance.now();
    let response: WireResponse;
    try {
      response = decodeResponse(message);
    } catch (cause) {
      const found = cause instanceof Error ? cause.message : String(cause);
      this.drop(
        new ClipClientError('bad_answer', `expected an answer that can be read: ${found}`, { cause }),
      );
      return;
    }
    const { requestId = '' } = response;
    const waiting = this.#waiting.get(requestId);
    if (waiting) {
      this.#waiting.delete(requestId);
      waiting.resolve({ response, bytes: message.length });
    } else if (!this.#abandoned.delete(requestId)) {
      const got = requestId ? `of the unknown request ${requestId}` : 'that names no request';
      this.drop(new ClipClientError('bad_answer', `expected answers to what was sent, got one ${got}`));
    }
  }

  #end(fault: ClipClientError): void {
    this.fault ??= fault;
    for (const { reject } of this.#waiting.values()) reject(this.fault);
    this.#waiting.clear();
    this.#abandoned.clear();
  }
}

function isTimeout({ reason }: AbortSignal): boolean {
  return reason instanceof ClipClientError && reason.code === 'timeout';
}

function silence(): ClipClientError {
  return new ClipClientError('connection_lost', 'the connection was given up: nothing came on it any more');
}
