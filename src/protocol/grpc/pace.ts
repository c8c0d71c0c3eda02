import type { ServerHttp2Stream } from 'node:http2';
import type { Assembler } from './framing.ts';

/** A client that moves fewer bytes than this in the time it has is not slow but stalled; answers to pings are less. */
const LEAST_BYTES_SENT = 16 * 2 ** 10;
/** Bytes per ms that a message must arrive at, as a body over HTTP must. */
const LEAST_RATE = (16 * 2 ** 10) / 1000;

interface Mark {
  readonly at: number;
  readonly bytes: number;
}

/** Whether a client that owes the rest of a message sends it. Looked at from time to time, so that a message costs nothing. */
export class ReadPace {
  readonly #assembler: Assembler;
  readonly #wanted: () => boolean;
  #mark: Mark | undefined;

  /** @param wanted false while it is the server that does not read */
  constructor(assembler: Assembler, wanted: () => boolean) {
    this.#assembler = assembler;
    this.#wanted = wanted;
  }

  restart(): void {
    this.#mark = undefined;
  }

  stalled(now: number, ms: number): boolean {
    if (!this.#assembler.waiting || !this.#wanted()) this.#mark = undefined;
    else this.#mark ??= { at: now, bytes: this.#assembler.received };
    const mark = this.#mark;
    if (!mark || now - mark.at < ms) return false;
    if (this.#assembler.received - mark.bytes < (now - mark.at) * LEAST_RATE) return true;
    this.#mark = { at: now, bytes: this.#assembler.received };
    return false;
  }
}

/** Whether a client takes what it is sent. */
export class WritePace {
  readonly #stream: ServerHttp2Stream;
  #unsent = 0;
  #mark: Mark | undefined;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  begin(): void {
    this.#unsent += 1;
  }

  end(): void {
    this.#unsent -= 1;
    this.#mark = undefined;
  }

  stalled(now: number, ms: number): boolean {
    const { session } = this.#stream;
    if (this.#unsent === 0 || !session || session.destroyed) {
      this.#mark = undefined;
      return false;
    }
    const { bytesWritten } = session.socket;
    const mark = this.#mark;
    if (mark && bytesWritten - mark.bytes < LEAST_BYTES_SENT) return now - mark.at >= ms;
    this.#mark = { at: now, bytes: bytesWritten };
    return false;
  }
}
