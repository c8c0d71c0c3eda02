import { performance } from 'node:perf_hooks';
import type { WebSocket } from 'ws';
import { ClipError } from '../../errors.ts';
import { BODY_RATE } from '../http/server.ts';

export interface OutboxOptions {
  readonly binary: boolean;
  /** Time in which the next message must be taken, beside what its length needs at 16 KiB/s. */
  readonly sendMs: number;
  /** The client takes its messages more slowly than that. A client that takes nothing is noticed by its socket. */
  readonly onStall: () => void;
}

/** The messages that a client has not taken yet. */
export class Outbox {
  readonly #socket: WebSocket;
  readonly #options: OutboxOptions;
  /** Bytes of each message that is on its way, in order. */
  readonly #pending: number[] = [];
  /** Since when the first of them is waited for. */
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, options: OutboxOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  get pending(): boolean {
    return this.#pending.length > 0;
  }

  /** Resolves when the system has taken the message. @throws ClipError cancelled where the client has left */
  send(message: Uint8Array): Promise<void> {
    if (this.#pending.length === 0) this.#since = performance.now();
    this.#pending.push(message.length);
    this.#timer ??= setTimeout(() => this.#check(), this.#options.sendMs);
    return new Promise((resolve, reject) => {
      this.#socket.send(message, { binary: this.#options.binary }, (error) => {
        this.#pending.shift();
        this.#since = performance.now();
        if (error) reject(new ClipError('cancelled', 'The client took no more replies.', { cause: error }));
        else resolve();
      });
    });
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** One timer for all messages: it runs on while there are any, and looks again when the first may be late. */
  #check(): void {
    this.#timer = undefined;
    const [first] = this.#pending;
    if (first === undefined) return;
    const late = this.#since + this.#options.sendMs + (first / BODY_RATE) * 1000 - performance.now();
    if (late <= 0) this.#options.onStall();
    else this.#timer = setTimeout(() => this.#check(), late);
  }
}
