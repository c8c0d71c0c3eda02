import { parseServer, type ServerAddress } from './address.ts';
import type { Match } from './answer.ts';
import { type Batch, batches, type Weight } from './batches.ts';
import { EncodeCall, type Outcome } from './encode.ts';
import { ClipClientError } from './error.ts';
import { type FormOptions, formParameters, type Vectors, type VectorType } from './forms.ts';
import { type Files, type Input, idOf, weigh } from './input.ts';
import { type CallOptions, type ClientOptions, type Settings, settingsFrom, whole } from './options.ts';
import { inOrder } from './ordered.ts';
import { type Profile, profileOf } from './profile.ts';
import { type RankGroup, rankBatch, weighGroup } from './rank.ts';
import { type CallContext, Sender } from './sender.ts';
import { storedBatch } from './stored.ts';
import type { AnsweredDocument, Endpoint, Readiness, ServerInfo, Transport } from './transport.ts';

/** What Node and browsers do differently. */
export interface Platform {
  /** @throws ClipClientError invalid_input for a protocol or an option that it does not have */
  connect(address: ServerAddress, settings: Settings): Transport;
  /** Absent where there are no paths. */
  readonly files?: Files;
}

export type Inputs<T> = Iterable<T> | AsyncIterable<T>;

export interface EncodeOptions<T extends VectorType = 'float32'> extends CallOptions, FormOptions<T> {
  /** A fault of an item is its result, instead of the end of the call. */
  readonly perItem?: boolean;
}

export interface SearchOptions extends CallOptions {
  /** Most matches of a query. Default 10. */
  readonly limit?: number;
}

/** One item of `encodeStream`: its vector, [D], or with `perItem` its fault. */
export type Encoded<T extends VectorType = 'float32'> = Outcome<T> & {
  /** Position in the input. */
  readonly index: number;
  /** The item's own, where it had one. */
  readonly id?: string;
};

/** One call's batches and their results. */
interface Call<T, Out> {
  readonly inputs: Inputs<T>;
  readonly options: CallOptions;
  readonly endpoint: Endpoint;
  readonly weigh: (input: T) => Weight | Promise<Weight>;
  /** Sent beside the caller's own. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly work: (
    batch: Batch<T>,
    context: CallContext,
  ) => Promise<{ readonly out: Out; readonly bytes: number }>;
}

const NEVER = new AbortController().signal;

/**
 * A client of one server. Connections are opened when they are needed, shared by all calls, and kept until `close`.
 *
 * Every method throws ClipClientError; what a caller's own iterable or callback throws passes through as it is.
 */
export class ClientCore {
  readonly #settings: Settings;
  readonly #files: Files | undefined;
  readonly #sender: Sender;

  constructor(server: string, options: ClientOptions, platform: Platform) {
    this.#settings = settingsFrom(options);
    this.#files = platform.files;
    this.#sender = new Sender(platform.connect(parseServer(server), this.#settings), this.#settings);
  }

  /**
   * Vectors, [D] each, of the type asked for, float32 by default, in the order of the inputs; with `perItem` a fault stands in
   * the place of its item.
   */
  encode<T extends VectorType = 'float32'>(
    inputs: Inputs<Input>,
    options?: EncodeOptions<T> & { readonly perItem?: false },
  ): Promise<Vectors[T][]>;
  encode<T extends VectorType = 'float32'>(
    inputs: Inputs<Input>,
    options: EncodeOptions<T>,
  ): Promise<(Vectors[T] | ClipClientError)[]>;
  async encode<T extends VectorType>(
    inputs: Inputs<Input>,
    options: EncodeOptions<T> = {},
  ): Promise<(Vectors[T] | ClipClientError)[]> {
    const results: (Vectors[T] | ClipClientError)[] = [];
    for await (const item of this.encodeStream<T>(inputs, options))
      results.push('vector' in item ? item.vector : item.error);
    return results;
  }

  /**
   * The same item by item and in order. The inputs may be endless: they are read only as far as results are taken, at most
   * `batchSize` × (`concurrency` + 1) ahead.
   */
  encodeStream<T extends VectorType = 'float32'>(
    inputs: Inputs<Input>,
    options?: EncodeOptions<T> & { readonly perItem?: false },
  ): AsyncGenerator<Encoded<T> & { readonly vector: Vectors[T] }, void, undefined>;
  encodeStream<T extends VectorType = 'float32'>(
    inputs: Inputs<Input>,
    options: EncodeOptions<T>,
  ): AsyncGenerator<Encoded<T>, void, undefined>;
  async *encodeStream<T extends VectorType>(
    inputs: Inputs<Input>,
    options: EncodeOptions<T> = {},
  ): AsyncGenerator<Encoded<T>, void, undefined> {
    let encoding: EncodeCall | undefined;
    const call: Call<Input, Encoded<T>[]> = {
      inputs,
      options,
      endpoint: '/encode',
      parameters: formParameters(options, options.parameters),
      weigh: (input) => weigh(input, this.#files),
      work: async (batch, context) => {
        encoding ??= new EncodeCall(this.#sender, context, this.#files, options);
        const { outcomes, bytes } = await encoding.run(batch);
        return { out: outcomes.map((outcome, i) => encoded(outcome as Outcome<T>, batch, i)), bytes };
      },
    };
    for await (const items of this.#run(call)) yield* items;
  }

  /** The candidates, best first. @throws ClipClientError; all or nothing */
  async rank(query: Input, candidates: readonly Input[], options: CallOptions = {}): Promise<Match[]> {
    const [matches] = await this.rankGroups([{ query, candidates }], options);
    return matches!;
  }

  /** The candidates of each group, best first; groups in the order in which they came. */
  async rankGroups(groups: Inputs<RankGroup>, options: CallOptions = {}): Promise<Match[][]> {
    return this.#collect<RankGroup, Match[]>({
      inputs: groups,
      options,
      endpoint: '/rank',
      weigh: (group) => weighGroup(group, this.#files),
      work: async (batch, context) => {
        const { ranked, bytes } = await rankBatch(this.#sender, context, batch, this.#files);
        return { out: ranked, bytes };
      },
    });
  }

  /** Hands documents to the server's index; without one it answers them with their vectors. Tried again only where nothing was done. */
  index(inputs: Inputs<Input>, options: CallOptions = {}): Promise<AnsweredDocument[]> {
    return this.#stored('/index', inputs, options, {});
  }

  /** Each query with the `matches` that the server's index finds; without an index with its vector alone. */
  async search(
    inputs: Inputs<Input>,
    { limit, ...options }: SearchOptions = {},
  ): Promise<AnsweredDocument[]> {
    return this.#stored('/search', inputs, options, { limit: whole('limit', limit, 10) });
  }

  /** Where the time of one request goes. */
  async profile(input?: Input, { signal = NEVER }: Pick<CallOptions, 'signal'> = {}): Promise<Profile> {
    return profileOf(this.#sender, { endpoint: '/encode', parameters: {}, signal }, input, this.#files);
  }

  /** Whether the server takes requests. A server that cannot be reached is not ready. */
  async ready({ signal = NEVER }: Pick<CallOptions, 'signal'> = {}): Promise<Readiness> {
    try {
      return await this.#sender.ready(signal);
    } catch (error) {
      if (!(error instanceof ClipClientError) || !error.retryable) throw error;
      return { ready: false, reasons: [error.message] };
    }
  }

  info({ signal = NEVER }: Pick<CallOptions, 'signal'> = {}): Promise<ServerInfo> {
    return this.#sender.info(signal);
  }

  /** Ends the connections; calls in flight fail with `closed`. Idempotent. */
  close(): Promise<void> {
    return this.#sender.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #stored(
    endpoint: '/index' | '/search',
    inputs: Inputs<Input>,
    options: CallOptions,
    parameters: Readonly<Record<string, unknown>>,
  ): Promise<AnsweredDocument[]> {
    return this.#collect<Input, AnsweredDocument>({
      inputs,
      options,
      endpoint,
      parameters,
      weigh: (input) => weigh(input, this.#files),
      work: async (batch, context) => {
        const { documents, bytes } = await storedBatch(this.#sender, context, batch, this.#files);
        return { out: documents, bytes };
      },
    });
  }

  async #collect<T, Out>(call: Call<T, Out[]>): Promise<Out[]> {
    const results: Out[] = [];
    for await (const batch of this.#run(call)) results.push(...batch);
    return results;
  }

  async *#run<T, Out>(call: Call<T, Out>): AsyncGenerator<Out, void, undefined> {
    const { options, endpoint } = call;
    const { signal = NEVER } = options;
    const inputs = iterable(call.inputs);
    const limits = {
      items: whole('batchSize', options.batchSize, this.#settings.batchSize),
      bytes: this.#settings.batchBytes,
    };
    const parameters = { drop_image_content: true, ...call.parameters, ...options.parameters };
    const progress = { done: 0, total: lengthOf(inputs), bytes: 0 };
    const work = async (batch: Batch<T>, inner: AbortSignal) => {
      const { out, bytes } = await call.work(batch, { endpoint, parameters, signal: inner });
      progress.done += batch.inputs.length;
      progress.bytes += bytes;
      options.onProgress?.({ ...progress });
      return out;
    };
    try {
      yield* inOrder(batches(inputs, limits, call.weigh), this.#settings.concurrency, work, signal);
    } catch (error) {
      throw signal.aborted ? ClipClientError.aborted(signal) : error;
    }
  }
}

function encoded<T extends VectorType>(outcome: Outcome<T>, batch: Batch<Input>, i: number): Encoded<T> {
  const id = idOf(batch.inputs[i]!);
  return { ...outcome, index: batch.first + i, ...(id === undefined ? {} : { id }) };
}

/** @throws ClipClientError invalid_input; a string is iterable too, letter by letter */
function iterable<T>(inputs: Inputs<T>): Inputs<T> {
  if (typeof inputs === 'object' && inputs !== null)
    if (Symbol.iterator in inputs || Symbol.asyncIterator in inputs)
      if (!ArrayBuffer.isView(inputs)) return inputs;
  const got = typeof inputs === 'string' ? 'a string' : String(inputs);
  throw new ClipClientError('invalid_input', `expected a list or another iterable of inputs, got ${got}`);
}

function lengthOf(inputs: object): number | undefined {
  if (Array.isArray(inputs)) return inputs.length;
  return inputs instanceof Set ? inputs.size : undefined;
}
