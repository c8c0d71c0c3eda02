import { Queue, type Queued } from './queue.ts';

/** An element that knows on whose behalf it waits. */
export interface Sourced extends Queued {
  readonly source: object;
}

/** What waits for one source. */
class Line<T extends Sourced> extends Queue<T> implements Queued {
  previous: Queued | undefined;
  next: Queued | undefined;
  queue: object | undefined;
}

/**
 * A queue in which sources take turns, an element each; first in, first out within a source. A source that begins to wait
 * comes after all that wait already, so an element with `n` of its own source before it is overtaken by at most `n + 1`
 * of each other. Every operation takes constant time per element, and a source that has nothing left leaves no trace.
 */
export class Turns<T extends Sourced> {
  readonly #lines = new Map<object, Line<T>>();
  /** The same lines, whose turn is next first. */
  readonly #ring = new Queue<Line<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Sources that wait. */
  get sources(): number {
    return this.#ring.size;
  }

  /** Whose turn is next. */
  get first(): T | undefined {
    return this.#ring.first?.first;
  }

  push(element: T): void {
    let line = this.#lines.get(element.source);
    if (!line) {
      line = new Line();
      this.#lines.set(element.source, line);
      this.#ring.push(line);
    }
    line.push(element);
    this.#size++;
  }

  /** Up to `count` elements, in turn. */
  take(count: number): T[] {
    const taken: T[] = [];
    while (taken.length < count) {
      const line = this.#ring.first;
      if (!line) break;
      const element = line.first!;
      this.#leave(line, element);
      if (this.#ring.remove(line)) this.#ring.push(line);
      taken.push(element);
    }
    return taken;
  }

  /** False where the element is not in this queue. */
  remove(element: T): boolean {
    const line = this.#lines.get(element.source);
    return line !== undefined && this.#leave(line, element);
  }

  #leave(line: Line<T>, element: T): boolean {
    if (!line.remove(element)) return false;
    this.#size--;
    if (line.size === 0) {
      this.#ring.remove(line);
      this.#lines.delete(element.source);
    }
    return true;
  }
}
