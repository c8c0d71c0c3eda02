import type { WebSocket } from 'ws';

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** Keeps what comes to a WebSocket until it is asked for. */
export class Client {
  readonly socket: WebSocket;
  readonly messages: Buffer[] = [];
  /** Whether each message was binary. */
  readonly binary: boolean[] = [];
  readonly closed: Promise<Closed>;
  #isClosed = false;
  #wake: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (message: Buffer, isBinary) => {
      this.messages.push(message);
      this.binary.push(isBinary);
      this.#notify();
    });
    // A connection that the server resets is an outcome like any other.
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        this.#isClosed = true;
        this.#notify();
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** Text as it is, bytes as a binary message, anything else as JSON. */
  send(message: unknown): void {
    const plain = typeof message === 'string' || message instanceof Uint8Array;
    this.socket.send(plain ? message : JSON.stringify(message));
  }

  /** The first messages, when there are so many or the connection ended. */
  async take(count: number): Promise<Buffer[]> {
    while (this.messages.length < count && !this.#isClosed)
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    this.binary.splice(0, count);
    return this.messages.splice(0, count);
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look anywhere into answers
  async takeJson(count: number): Promise<any[]> {
    return (await this.take(count)).map((message) => JSON.parse(message.toString()));
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
