import { ClipError } from '../../errors.ts';

interface Waiter {
  readonly pixels: number;
  enter(): void;
  refuse(error: ClipError): void;
}

/**
 * Admits pictures to decoding in the order of their coming: so many at once, and so many pixels at once. A picture over
 * the whole budget goes alone.
 */
export class DecodeGate {
  readonly #places: number;
  readonly #budget: number;
  readonly #waiting: Waiter[] = [];
  #running = 0;
  #pixels = 0;
  #closed: ClipError | undefined;

  constructor(places: number, pixels: number) {
    this.#places = places;
    this.#budget = pixels;
  }

  get pixelsInFlight(): number {
    return this.#pixels;
  }

  /** True where a picture of this size would have to wait for the pixels of others, not for a place. */
  isOverBudget(pixels: number): boolean {
    return this.#running > 0 && this.#running < this.#places && this.#pixels + pixels > this.#budget;
  }

  /**
   * Resolves to the function that gives place and pixels back.
   * @throws ClipError cancelled when the signal is aborted first; draining when the gate is closed
   */
  enter(pixels: number, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      if (signal.aborted) return reject(ClipError.aborted(signal));
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(ClipError.aborted(signal));
        this.#admit();
      };
      const settle = () => signal.removeEventListener('abort', abort);
      const waiter: Waiter = {
        pixels,
        enter: () => {
          settle();
          resolve(this.#take(pixels));
        },
        refuse: (error) => {
          settle();
          reject(error);
        },
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push(waiter);
      this.#admit();
    });
  }

  /** Refuses who waits and who comes. Who is in stays in. */
  close(): void {
    this.#closed = new ClipError('draining', 'the image was given up because the server is shutting down');
    for (const waiter of this.#waiting.splice(0)) waiter.refuse(this.#closed);
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next && this.#hasRoom(next.pixels); next = this.#waiting[0]) {
      this.#waiting.shift();
      next.enter();
    }
  }

  #hasRoom(pixels: number): boolean {
    if (this.#running === 0) return true;
    return this.#running < this.#places && this.#pixels + pixels <= this.#budget;
  }

  #take(pixels: number): () => void {
    this.#running++;
    this.#pixels += pixels;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#running--;
      this.#pixels -= pixels;
      this.#admit();
    };
  }
}
