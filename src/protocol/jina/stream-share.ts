import { untilAborted } from '../../abort.ts';
import type { RequestSize } from '../../service/item.ts';

/** What a reply adds to a document besides the vector: names of fields, an id, types. */
const BYTES_PER_DOCUMENT = 512;
/** What a reply adds to its request: header and routes. */
const BYTES_PER_REPLY = 1024;

/** Most that a request takes until its reply is out: what it brought goes back, with vectors. */
export function bytesUntilReplied({ items, bytes }: RequestSize, vectorBytes: number): number {
  return bytes + BYTES_PER_REPLY + items * (BYTES_PER_DOCUMENT + vectorBytes);
}

/** What one request takes of its stream, from its arrival until its reply is handed over. */
export interface Lease {
  /** From what was expected to what it is. */
  resize(bytes: number): void;
  /** Once. */
  leave(): void;
}

export interface ShareOptions {
  /** Requests at once; 0 is without bound. */
  readonly requests: number;
  /** Bytes of requests and replies at once. */
  readonly bytes: number;
  /** Told for each request that has to wait because of the bytes. */
  readonly onBytes: () => void;
}

/** What one stream may hold. A request that is alone is always let in, however large. */
export class StreamShare {
  readonly #options: ShareOptions;
  #requests = 0;
  #bytes = 0;
  #changed: (() => void) | undefined;

  constructor(options: ShareOptions) {
    this.#options = options;
  }

  /** Resolves when there is room. One caller at a time. @throws ClipError cancelled, deadline_exceeded */
  async enter(bytes: number, signal: AbortSignal): Promise<Lease> {
    if (this.#crowded(bytes)) this.#options.onBytes();
    while (this.#full() || this.#crowded(bytes)) {
      const changed = new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
      await untilAborted(changed, signal);
    }
    this.#requests++;
    this.#bytes += bytes;
    return this.#lease(bytes);
  }

  #full(): boolean {
    return this.#options.requests > 0 && this.#requests >= this.#options.requests;
  }

  #crowded(bytes: number): boolean {
    return this.#requests > 0 && this.#bytes + bytes > this.#options.bytes;
  }

  #lease(bytes: number): Lease {
    let held = bytes;
    const resize = (now: number) => {
      this.#bytes += now - held;
      held = now;
      this.#changed?.();
      this.#changed = undefined;
    };
    return {
      resize,
      leave: () => {
        this.#requests--;
        resize(0);
      },
    };
  }
}
