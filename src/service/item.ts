import type { ClipError } from '../errors.ts';
import type { Trace } from '../observe/tracing.ts';
import type { Tensor } from '../preprocess/image/tensor.ts';
import type { Permit, RequestSize } from '../schedule/permit.ts';
import type { ModelDescription } from '../schedule/scheduler.ts';

export type { Permit, RequestSize, Tensor };

/** What a protocol hands over: one thing to embed. */
export type Item =
  /** With `whole`, one of more tokens than the model reads is refused, else cut. */
  | { readonly kind: 'text'; readonly text: string; readonly whole?: true }
  /** A text as ids of the model's own tokeniser, with its start and end token. */
  | { readonly kind: 'tokens'; readonly ids: readonly number[] }
  | { readonly kind: 'image'; readonly bytes: Uint8Array }
  | { readonly kind: 'tensor'; readonly tensor: Tensor }
  | { readonly kind: 'uri'; readonly uri: string };

/** One request's life: its share of the limits, its end, and the client's patience. */
export interface Context {
  readonly permit: Permit;
  /** Aborted when the client leaves or the server gives up. */
  readonly signal: AbortSignal;
  /** Monotonic (`performance.now()`) ms after which no answer is wanted. */
  readonly deadline?: number;
  /**
   * Items of one source take turns with those of others, so that a long request or a busy stream does not keep the rest
   * waiting. Absent: the request is a source of its own.
   */
  readonly source?: object;
  /** The span that the work is part of; absent where nothing is traced. */
  readonly trace?: Trace;
}

export type Outcome =
  | {
      readonly vector: Float32Array;
      /** Of a text: those that the model reads, start and end token included. */
      readonly tokens?: number;
    }
  | { readonly error: ClipError };

export interface RankGroup {
  readonly query: Item;
  readonly matches: readonly Item[];
}

export interface RankedGroup {
  readonly query: Float32Array;
  /** In descending order of `score`; ties keep the order of the request. */
  readonly matches: readonly RankedMatch[];
}

export interface RankedMatch {
  /** Position among the matches of the request. */
  readonly index: number;
  /** Softmax over the group of the model's logit scale × cosine. */
  readonly score: number;
  readonly cosine: number;
}

export interface ServiceDescription extends ModelDescription {
  /** Canonical model name. */
  readonly model: string;
  /** Other names by which a client may call it. */
  readonly aliases: readonly string[];
  readonly resolution: number;
  readonly contextLength: number;
  /** What a cosine is multiplied by before the softmax of a ranking. */
  readonly logitScale: number;
  /** Lengths, in components, that its vectors may be cut to (Matryoshka). */
  readonly matryoshkaDimensions: readonly number[];
  /** Why TensorRT does not serve, a clause; absent where it does, or the flow does not ask for it. */
  readonly notTensorRt?: string;
}

/** What every protocol translates to. Order is kept; an item that fails does not touch the others. */
export interface EmbeddingService {
  describe(): ServiceDescription;
  /** Opens a request. @throws ClipError draining, overloaded */
  admit(): Permit;
  /**
   * Opens a request whose size is known, and waits while the server is full: for streams, which can slow their client.
   *
   * @throws ClipError draining, too_many_items, request_too_large, queue_timeout; what the signal was aborted with
   */
  enter(size: RequestSize, signal: AbortSignal): Promise<Permit>;
  encode(items: readonly Item[], context: Context): Promise<Outcome[]>;
  /** All or nothing. @throws ClipError rank_failed, or the error of the first item that failed */
  rank(groups: readonly RankGroup[], context: Context): Promise<RankedGroup[]>;
}
