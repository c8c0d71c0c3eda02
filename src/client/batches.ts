/** Neighbours of the input that go into one request. */
export interface Batch<T> {
  /** Position in the input of the first. */
  readonly first: number;
  readonly inputs: readonly T[];
}

export interface BatchLimits {
  readonly items: number;
  readonly bytes: number;
}

/** What one input takes of a batch's limits. */
export interface Weight {
  readonly items: number;
  readonly bytes: number;
}

/** Cuts the input into batches within the limits; an input beyond them gets a batch of its own. */
export async function* batches<T>(
  source: Iterable<T> | AsyncIterable<T>,
  limits: BatchLimits,
  weigh: (input: T) => Weight | Promise<Weight>,
): AsyncGenerator<Batch<T>, void, undefined> {
  let first = 0;
  let inputs: T[] = [];
  let held = { items: 0, bytes: 0 };
  const take = () => {
    const batch = { first, inputs };
    first += inputs.length;
    inputs = [];
    held = { items: 0, bytes: 0 };
    return batch;
  };
  for await (const input of source) {
    const { items, bytes } = await weigh(input);
    const over = held.items + items > limits.items || held.bytes + bytes > limits.bytes;
    if (over && inputs.length > 0) yield take();
    inputs.push(input);
    held = { items: held.items + items, bytes: held.bytes + bytes };
    // Not kept until the next input shows that it is full: a slow source would hold it back.
    if (held.items >= limits.items || held.bytes >= limits.bytes) yield take();
  }
  if (inputs.length > 0) yield take();
}
