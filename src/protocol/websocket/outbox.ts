import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { ClipError } from '../../errors.ts';
import { BODY_RATE } from '../http/server.ts';

export interface OutboxOptions {
  readonly binary: boolean;
  /** Time in which a client may take nothing; and in which messages must be taken, beside what they need at 16 KiB/s. */
  readonly sendMs: number;
  /** The client takes nothing, or more slowly than that. */
  readonly onStall: () => void;
}

/** The messages that a client has not taken yet. */
export class Outbox {
  readonly #socket: WebSocket;
  readonly #transport: Socket;
  readonly #options: OutboxOptions;
  /** Messages that the system has not taken, and their bytes. */
  #messages = 0;
  #bytes = 0;
  /** When it took the last. */
  #since = 0;
  #timer: NodeJS.Timeout | undefined;
  #corked = false;

  /** @param transport that the socket was made on */
  constructor(socket: WebSocket, transport: Socket, options: OutboxOptions) {
    this.#socket = socket;
    this.#transport = transport;
    this.#options = options;
    // Fires when nothing went either way. A client that sends while it takes nothing is found by its rate.
    transport.setTimeout(options.sendMs);
    transport.on('timeout', () => {
      if (this.#messages > 0) options.onStall();
    });
  }

  /** Resolves when the system has taken the message. @throws ClipError cancelled where the client has left */
  send(message: Uint8Array): Promise<void> {
    const { length } = message;
    if (this.#messages === 0) this.#since = performance.now();
    this.#messages += 1;
    this.#bytes += length;
    this.#timer ??= setTimeout(() => this.#check(), this.#options.sendMs);
    this.#cork();
    return new Promise((resolve, reject) => {
      this.#socket.send(message, { binary: this.#options.binary }, (error) => {
        this.#messages -= 1;
        this.#bytes -= length;
        this.#since = performance.now();
        if (error) reject(new ClipError('cancelled', 'The client took no more replies.', { cause: error }));
        else resolve();
      });
    });
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** The replies to one batch are ready together, and are handed to the system in one call. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#transport.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#transport.uncork();
    });
  }

  /** One timer for all messages: it runs on while there are any. What waits together is taken together. */
  #check(): void {
    this.#timer = undefined;
    if (this.#messages === 0) return;
    const left = this.#since + this.#options.sendMs + (this.#bytes / BODY_RATE) * 1000 - performance.now();
    if (left <= 0) this.#options.onStall();
    else this.#timer = setTimeout(() => this.#check(), left);
  }
}
