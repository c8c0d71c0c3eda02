import { BODY_RATE } from '../http/server.ts';

/** Bytes of unfinished messages, of all connections of a listener together. */
export interface Unfinished {
  bytes: number;
}

export interface IntakeOptions {
  /** Window in which an unfinished message must grow at 16 KiB/s. */
  readonly bodyMs: number;
  /** Most that all connections may hold. */
  readonly mostBytes: number;
  readonly unfinished: Unfinished;
  /** True while it is the server that does not read. */
  readonly isPaused: () => boolean;
  readonly onSlow: () => void;
  readonly onFull: () => void;
}

/** A client's frame of up to 125 bytes: two bytes and the mask come before the payload. */
const CONTROL_HEADER = 6;
/** What a piece of a message costs beside its bytes while it waits for the rest. */
const CHUNK_COST = 256;

/**
 * What has arrived of a message that is not complete yet. The library holds it, and only its length is bounded there:
 * this bounds the time it may take, and what all connections hold together.
 *
 * Bytes are counted per chunk of the socket; the start of a message in the chunk in which another ended is not.
 */
export class Intake {
  readonly #options: IntakeOptions;
  #bytes = 0;
  #cost = 0;
  #bytesBefore = 0;
  #completed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** True in the middle of a message. */
  get midway(): boolean {
    return this.#bytes > 0;
  }

  /** A message became complete. */
  complete(): void {
    this.#completed = true;
    this.#reset();
  }

  /** A ping or a pong came; they may stand inside a message. */
  control(payload: Buffer): void {
    this.#bytes -= CONTROL_HEADER + payload.length;
  }

  /** To be called for each chunk, after what it completed. */
  chunk(length: number): void {
    if (this.#completed) {
      this.#completed = false;
      this.#reset();
      return;
    }
    this.#bytes += length;
    if (this.#bytes <= 0) {
      this.#reset();
      return;
    }
    const { unfinished, mostBytes, onFull } = this.#options;
    this.#cost += length + CHUNK_COST;
    unfinished.bytes += length + CHUNK_COST;
    if (unfinished.bytes > mostBytes) onFull();
    else if (this.#timer === undefined) this.#watch();
  }

  /** The socket is read again: what came meanwhile is still to be seen. */
  resumed(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#watch();
  }

  close(): void {
    this.#reset();
  }

  #reset(): void {
    this.#options.unfinished.bytes -= this.#cost;
    this.#cost = 0;
    this.#bytes = 0;
    this.#bytesBefore = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    const { bodyMs, isPaused, onSlow } = this.#options;
    const slow = this.#bytes - this.#bytesBefore < (BODY_RATE * bodyMs) / 1000;
    if (slow && !isPaused()) {
      onSlow();
      return;
    }
    this.#bytesBefore = this.#bytes;
    this.#watch();
  }

  #watch(): void {
    this.#timer = setTimeout(() => this.#check(), this.#options.bodyMs);
  }
}
