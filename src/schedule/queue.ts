/** An element of a queue carries its own links, so that leaving from the middle costs nothing. */
export interface Queued {
  previous: Queued | undefined;
  next: Queued | undefined;
  /** The queue that holds it. */
  queue: object | undefined;
}

/** First in, first out; every operation takes constant time per element. */
export class Queue<T extends Queued> {
  #head: T | undefined;
  #tail: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#head;
  }

  push(element: T): void {
    element.queue = this;
    element.previous = this.#tail;
    if (this.#tail) this.#tail.next = element;
    else this.#head = element;
    this.#tail = element;
    this.#size++;
  }

  /** Up to `count` elements, oldest first. */
  take(count: number): T[] {
    const taken: T[] = [];
    while (this.#head && taken.length < count) {
      taken.push(this.#head);
      this.remove(this.#head);
    }
    return taken;
  }

  /** False where the element is not in this queue. */
  remove(element: T): boolean {
    if (element.queue !== this) return false;
    const { previous, next } = element;
    if (previous) previous.next = next;
    else this.#head = next as T | undefined;
    if (next) next.previous = previous;
    else this.#tail = previous as T | undefined;
    element.queue = element.previous = element.next = undefined;
    this.#size--;
    return true;
  }
}
