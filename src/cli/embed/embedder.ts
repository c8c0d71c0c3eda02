/** What can be embedded: a text, a picture by its path, or the bytes of a picture file. */
export type Source = { readonly text: string } | { readonly file: string } | { readonly blob: Uint8Array };

/** Bytes of a picture's file; a larger one is not taken. */
export const MOST_IMAGE_BYTES = 128 * 2 ** 20;

/** Why one input has no vector. */
export interface Fault {
  /** Of the table of errors, or of the client's. */
  readonly code: string;
  readonly message: string;
}

export type Outcome = { readonly vector: Float32Array } | { readonly error: Fault };

/** Where a command gets vectors from: a model in this process, or a server. */
export interface Embedder {
  /** For messages: the model's name, or the server's address. */
  readonly name: string;
  /** What cosines are multiplied by before the softmax over labels. */
  readonly logitScale: number;
  /**
   * Outcomes in the order of the inputs, which are read only some way ahead. A fault of one input is its outcome.
   *
   * @throws ClipError, ClipClientError for a fault that is not of one input; where the signal is aborted
   */
  encode(inputs: AsyncIterable<Source>, signal: AbortSignal): AsyncIterable<Outcome>;
  close(): Promise<void>;
}

/**
 * The vectors of a few inputs, of which none may fail.
 *
 * @throws Error of the first that fails, and as `Embedder.encode`
 */
export async function encodeAll(
  embedder: Embedder,
  inputs: readonly Source[],
  signal: AbortSignal,
): Promise<Float32Array[]> {
  async function* all() {
    yield* inputs;
  }
  const results: Float32Array[] = [];
  for await (const outcome of embedder.encode(all(), signal)) {
    if ('error' in outcome) {
      const source = inputs[results.length]!;
      const place = 'file' in source ? `${source.file}: ` : '';
      throw new Error(`${place}${outcome.error.message} (${outcome.error.code})`);
    }
    results.push(outcome.vector);
  }
  return results;
}
