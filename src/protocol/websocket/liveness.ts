import type { WebSocket } from 'ws';

export interface LivenessOptions {
  readonly silenceMs: number;
  readonly pongMs: number;
  readonly pingsPerSecond: number;
  /** Reading is off, so that nothing can be heard of the client. */
  readonly deaf: () => boolean;
  readonly onSilent: () => void;
  readonly onFlood: () => void;
}

/** Asks a silent client for a sign of life, and lets go of one that gives none or gives far too many. */
export class Liveness {
  readonly #socket: WebSocket;
  readonly #options: LivenessOptions;
  #timer: NodeJS.Timeout;
  #second = 0;
  #pings = 0;

  constructor(socket: WebSocket, options: LivenessOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#timer = this.#wait(options.silenceMs, () => this.#ask());
    socket.on('ping', () => this.#control());
    socket.on('pong', () => this.#control());
    socket.once('close', () => clearTimeout(this.#timer));
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#wait(this.#options.silenceMs, () => this.#ask());
  }

  #control(): void {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#pings = 0;
    }
    this.#pings += 1;
    if (this.#pings > this.#options.pingsPerSecond) this.#options.onFlood();
    else this.heard();
  }

  #ask(): void {
    const { deaf, pongMs, onSilent } = this.#options;
    if (deaf() || this.#socket.readyState !== this.#socket.OPEN) {
      this.heard();
      return;
    }
    this.#socket.ping();
    this.#timer = this.#wait(pongMs, () => (deaf() ? this.heard() : onSilent()));
  }

  #wait(ms: number, then: () => void): NodeJS.Timeout {
    return setTimeout(then, ms).unref();
  }
}
