import { untilAborted } from '../abort.ts';

/**
 * Works on up to `window` inputs at once and yields the results in the order of the inputs. Input is asked for the next one only
 * when there is room: what is in work, and done but not yet taken, counts. So an endless source is never read further than
 * `window` inputs beyond the one whose result the consumer holds.
 *
 * After a failure nothing more is read; what precedes it is yielded first. Whatever ends the iteration aborts the rest.
 */
export async function* inOrder<In, Out>(
  source: AsyncIterable<In>,
  window: number,
  work: (input: In, signal: AbortSignal) => Promise<Out>,
  caller: AbortSignal,
): AsyncGenerator<Out, void, undefined> {
  const stop = new AbortController();
  const signal = AbortSignal.any([caller, stop.signal]);
  const inputs = source[Symbol.asyncIterator]();
  const results: Promise<Out>[] = [];
  const changed = new Signal();
  let ended = false;
  const pump = async () => {
    while (!ended) {
      while (results.length >= window && !ended) await untilAborted(changed.next(), signal);
      if (ended) return;
      const next = await untilAborted(inputs.next(), signal);
      if (next.done) return;
      const result = work(next.value, signal);
      result.catch(() => {
        ended = true;
        changed.tell();
      });
      results.push(result);
      changed.tell();
    }
  };
  const reading = pump().finally(() => {
    ended = true;
    changed.tell();
  });
  reading.catch(() => {});
  try {
    for (;;) {
      while (results.length === 0 && !ended) await changed.next();
      const head = results[0];
      if (!head) break;
      const result = await untilAborted(head, signal);
      results.shift();
      changed.tell();
      yield result;
    }
    await reading;
  } finally {
    stop.abort();
    // Not waited for: a source that hangs is told when it yields.
    void Promise.resolve(inputs.return?.()).catch(() => {});
  }
}

/** Wakes all who wait for the next change. */
class Signal {
  #wake: (() => void) | undefined;
  #next: Promise<void> | undefined;

  next(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      this.#wake = resolve;
    });
    return this.#next;
  }

  tell(): void {
    this.#wake?.();
    this.#next = undefined;
  }
}
