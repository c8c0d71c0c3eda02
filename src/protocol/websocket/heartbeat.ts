export interface HeartbeatOptions {
  readonly heartbeatMs: number;
  readonly pongMs: number;
  readonly ping: () => void;
  /** True while the socket is not read, so that an answer could not be seen. */
  readonly isPaused: () => boolean;
  /** No sign of life came in time. */
  readonly onLost: () => void;
}

/** Finds clients that are gone without a word: their machine has lost power or its network. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout;
  #waiting = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => this.#ping(), options.heartbeatMs);
  }

  /** Anything came from the client. */
  alive(): void {
    if (this.#waiting) this.#rest();
  }

  /** The socket is read again: an answer that came meanwhile is still to be seen. */
  resumed(): void {
    if (!this.#waiting) return;
    clearTimeout(this.#timer);
    this.#await();
  }

  close(): void {
    this.#waiting = false;
    clearTimeout(this.#timer);
  }

  #rest(): void {
    this.#waiting = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ping(), this.#options.heartbeatMs);
  }

  #ping(): void {
    this.#options.ping();
    this.#await();
  }

  #await(): void {
    this.#waiting = true;
    this.#timer = setTimeout(() => {
      if (this.#options.isPaused()) this.#await();
      else this.#options.onLost();
    }, this.#options.pongMs);
  }
}

/** Counts calls by the second; true once there are more than `most` in one. */
export function perSecond(most: number): () => boolean {
  let second = 0;
  let count = 0;
  return () => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) count = 0;
    second = now;
    count += 1;
    return count > most;
  };
}
