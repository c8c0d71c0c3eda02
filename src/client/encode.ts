import type { Document } from '../protocol/jina/document.ts';
import { inSentOrder } from './answer.ts';
import type { Batch } from './batches.ts';
import { ClipClientError } from './error.ts';
import { type FormOptions, type Vectors, type VectorType, vectorOf } from './forms.ts';
import { type Files, type Input, load } from './input.ts';
import type { CallContext, Sender } from './sender.ts';

/** What became of one item. */
export type Outcome<T extends VectorType = VectorType> =
  | { readonly vector: Vectors[T] }
  | { readonly error: ClipClientError };

export interface BatchOutcome {
  readonly outcomes: readonly Outcome[];
  readonly bytes: number;
}

/** Codes of faults that one item has and its neighbours need not share. */
export const ITEM_CODES: ReadonlySet<ClipClientError['code']> = new Set([
  'invalid_input',
  'invalid_document',
  'invalid_tensor',
  'invalid_image',
  'unsupported_image',
  'invalid_uri',
  'forbidden_uri',
  'fetch_failed',
  'form_failed',
  'text_too_long',
  'image_too_large',
  'request_too_large',
  'too_many_items',
]);

/** What is known of one batch so far. */
interface BatchWork {
  readonly batch: Batch<Input>;
  readonly outcomes: Outcome[];
  bytes: number;
}

/** An item of a batch on its way. */
interface Sent {
  readonly position: number;
  readonly document: Document;
}

/** An item whose fault may pass. */
interface Pending {
  readonly sent: Sent;
  readonly error: ClipClientError;
}

/** The batches of one call of encode. */
export class EncodeCall {
  readonly #sender: Sender;
  readonly #call: CallContext;
  readonly #files: Files | undefined;
  /** Faults of items are outcomes, instead of ending the call. */
  readonly #perItem: boolean;
  readonly #form: FormOptions<VectorType>;
  /** Of the first vector; two models behind one address would give two. */
  #width: number | undefined;

  constructor(
    sender: Sender,
    call: CallContext,
    files: Files | undefined,
    { perItem = false, ...form }: FormOptions<VectorType> & { readonly perItem?: boolean },
  ) {
    this.#sender = sender;
    this.#call = call;
    this.#files = files;
    this.#perItem = perItem;
    this.#form = form;
  }

  /**
   * One outcome per input, in order.
   *
   * @throws ClipClientError of the request; of the first item that failed, without `perItem`
   */
  async run(batch: Batch<Input>): Promise<BatchOutcome> {
    const work: BatchWork = { batch, outcomes: new Array(batch.inputs.length), bytes: 0 };
    const sent: Sent[] = [];
    for (const [i, input] of batch.inputs.entries()) {
      try {
        sent.push({ position: i, document: await load(input, String(i), this.#files) });
      } catch (thrown) {
        if (!(thrown instanceof ClipClientError)) throw thrown;
        this.#failed(work, i, thrown);
      }
    }
    if (sent.length > 0) await this.#resolve(work, sent);
    return { outcomes: work.outcomes, bytes: work.bytes };
  }

  /** A request that fails for an item is cut in two until the item is alone: most protocols do not say which it was. */
  async #resolve(work: BatchWork, sent: readonly Sent[]): Promise<void> {
    let pending = sent;
    let ofItems = false;
    const mayCut = (error: ClipClientError) =>
      this.#perItem && ITEM_CODES.has(error.code) && pending.length > 1;
    try {
      await this.#sender.retry(
        this.#call.signal,
        (error) => error.retryable && (ofItems || !mayCut(error)),
        async () => {
          ofItems = false;
          const again = await this.#try(work, pending);
          if (again.length === 0) return;
          ofItems = true;
          pending = again.map(({ sent }) => sent);
          throw again[0]!.error;
        },
      );
    } catch (error) {
      if (!(error instanceof ClipClientError)) throw error;
      if (ofItems && this.#perItem) return;
      const { position } = pending[0]!;
      if (ofItems || (pending.length === 1 && ITEM_CODES.has(error.code)))
        return this.#failed(work, position, error, true);
      if (!this.#perItem || !ITEM_CODES.has(error.code)) throw error;
      const middle = Math.ceil(pending.length / 2);
      await Promise.all([
        this.#resolve(work, pending.slice(0, middle)),
        this.#resolve(work, pending.slice(middle)),
      ]);
    }
  }

  /** One try. Returns the items whose fault may pass. */
  #try(work: BatchWork, pending: readonly Sent[]): Promise<Pending[]> {
    const documents = pending.map(({ document }) => document);
    const place = { first: work.batch.first + pending[0]!.position, count: pending.length };
    return this.#sender.send(this.#call, documents, place, (answer) => {
      work.bytes += answer.bytes;
      const again: Pending[] = [];
      for (const [i, document] of inSentOrder(documents, answer.documents).entries()) {
        const sent = pending[i]!;
        const { error } = document;
        if (error) this.#failed(work, sent.position, error);
        else work.outcomes[sent.position] = { vector: this.#checked(vectorOf(document, this.#form)) };
        if (error?.retryable) again.push({ sent, error });
      }
      return again;
    });
  }

  #checked<V extends Vectors[VectorType]>(vector: V): V {
    this.#width ??= vector.length;
    if (vector.length === this.#width) return vector;
    throw new ClipClientError(
      'bad_answer',
      `expected ${this.#width} components as in the vectors before, got ${vector.length}`,
    );
  }

  /** Noted; thrown where one failure fails the call, and trying again would not help or has not. */
  #failed(work: BatchWork, position: number, thrown: ClipClientError, forGood = !thrown.retryable): void {
    const error = thrown.at({ index: work.batch.first + position });
    work.outcomes[position] = { error };
    if (!this.#perItem && forGood) throw error;
  }
}
