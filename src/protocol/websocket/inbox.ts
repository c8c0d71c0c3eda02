import { ClipError } from '../../errors.ts';

/** Bytes of messages that have arrived and nobody has asked for yet, above which reading stops. */
const READ_AHEAD = 64 * 1024;
/** What a message costs beside its bytes, so that a million of one byte are not a million times nothing. */
const MESSAGE_COST = 256;

/** What a message is to the inbox: a request, the end of them, or a fault that ends them. */
export type Kind = 'request' | 'end' | ClipError;

export interface InboxOptions {
  readonly kindOf: (message: Buffer, isBinary: boolean) => Kind;
  readonly pause: () => void;
  readonly resume: () => void;
}

/** The messages of a connection, one by one, as they are asked for. The socket is read only as far as that needs. */
export class Inbox implements AsyncIterable<Buffer> {
  readonly #options: InboxOptions;
  readonly #messages: Buffer[] = [];
  #cost = 0;
  #paused = false;
  #wanted: { resolve(result: IteratorResult<Buffer>): void; reject(error: ClipError): void } | undefined;
  /** Set once nothing more is taken in: with a fault, or without. */
  #end: { readonly fault?: ClipError } | undefined;
  #complete = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** True while the socket is not read. */
  get paused(): boolean {
    return this.#paused;
  }

  /** True once the client has said that no more requests come. */
  get complete(): boolean {
    return this.#complete;
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer> {
    return this;
  }

  /** @throws ClipError that ended the messages, after those before it */
  async next(): Promise<IteratorResult<Buffer>> {
    const message = this.#messages.shift();
    if (message) {
      this.#cost -= message.length + MESSAGE_COST;
      if (this.#messages.length === 0) this.#resume();
      return { done: false, value: message };
    }
    if (this.#end?.fault) throw this.#end.fault;
    if (this.#end) return { done: true, value: undefined };
    return await new Promise((resolve, reject) => {
      this.#wanted = { resolve, reject };
    });
  }

  /** What comes after the end is dropped. */
  push(message: Buffer, isBinary: boolean): void {
    if (this.#end) return;
    const kind = this.#options.kindOf(message, isBinary);
    if (kind !== 'request') {
      this.#complete = kind === 'end';
      this.end(kind === 'end' ? undefined : kind);
      return;
    }
    if (this.#wanted) {
      this.#wanted.resolve({ done: false, value: message });
      this.#wanted = undefined;
      return;
    }
    this.#messages.push(message);
    this.#cost += message.length + MESSAGE_COST;
    if (this.#cost <= READ_AHEAD || this.#paused) return;
    this.#paused = true;
    this.#options.pause();
  }

  /** Takes nothing more in. What it holds can still be had; then comes the fault, or the end. */
  end(fault?: ClipError): void {
    if (this.#end) return;
    this.#end = { fault };
    // Whatever is sent from here on is read and dropped, or the client's own close would not be seen.
    this.#resume();
    if (fault) this.#wanted?.reject(fault);
    else this.#wanted?.resolve({ done: true, value: undefined });
    this.#wanted = undefined;
  }

  /** The server's end: nothing more is read. A client that has sent more than was taken is told so by the fault. */
  stop(midway: boolean): void {
    if (this.#end) return;
    const unread = midway || this.#paused || this.#messages.length > 0;
    this.#messages.length = 0;
    this.end(
      unread ? new ClipError('draining', 'the server takes no new requests: it is shutting down') : undefined,
    );
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#options.resume();
  }
}
