import { setMaxListeners } from 'node:events';
import { untilAborted } from '../../abort.ts';
import { ClipError, type ErrorCode } from '../../errors.ts';
import type { Permit } from '../../service/item.ts';
import { countLimit } from '../limit.ts';
import { openPatience, type Patience } from '../patience.ts';
import type { Site } from '../site.ts';
import { type Answer, answer } from './answer.ts';
import { type Clock, openClock } from './clock.ts';
import type { Document } from './document.ts';
import type { JinaRequest } from './request.ts';
import { type Lease, StreamShare } from './stream-share.ts';

type Sized = { readonly length: number };

/** One connection on which many requests are in flight at once. */
export interface StreamOptions<Frame extends Sized> {
  /** For metrics. */
  readonly protocol: 'grpc' | 'websocket';
  readonly route: string;
  /** Requests as they come. It is asked for the next one only when there is room; its end means no more requests. */
  readonly requests: AsyncIterable<Frame>;
  /** @throws ClipError where not even the envelope can be read: it ends the stream, after the answers in flight */
  readonly decode: (frame: Frame) => JinaRequest;
  readonly encode: (answer: Answer) => Frame | Promise<Frame>;
  /** Resolves when the transport has taken the reply and wants more; rejects where the client has left. */
  readonly send: (reply: Frame) => Promise<void>;
  /** Requests worked on at once; 0 is without bound. */
  readonly prefetch: number;
  /** Replies in the order of the requests, instead of the order in which they are ready. */
  readonly inOrder: boolean;
  /** Aborted when the client leaves, or its time for the whole stream is over. */
  readonly signal: AbortSignal;
  /** Monotonic ms, of the whole stream. */
  readonly deadline?: number;
}

/** Codes that concern the server and not the request: they end the stream, so that clients go elsewhere. */
const ENDS_STREAM: ReadonlySet<ErrorCode> = new Set(['draining', 'not_ready', 'cancelled']);
const BYTES_PER_COMPONENT = 4;

/**
 * Answers requests until they end and every reply is out. A request that fails is answered with its error, and the
 * stream goes on. Reading pauses at `prefetch` requests, at `limits.stream_bytes`, and while the server is full.
 *
 * @throws ClipError that ends the stream: a frame that cannot be read, the server's end, the client's leaving
 */
export async function serveStream<Frame extends Sized>(
  site: Site,
  options: StreamOptions<Frame>,
): Promise<void> {
  const stream = new Stream(site, options);
  const { streams } = site.metrics;
  streams.inc({ protocol: options.protocol });
  try {
    await stream.run();
  } finally {
    streams.dec({ protocol: options.protocol });
  }
}

/** One request on its way. */
interface Flight {
  readonly request: JinaRequest;
  readonly clock: Clock;
  readonly began: number;
  readonly lease: Lease;
  readonly patience: Patience;
  readonly admission: Permit | ClipError;
  /** What its reply has to wait for. */
  readonly after: Promise<void>;
}

class Stream<Frame extends Sized> {
  readonly #site: Site;
  readonly #options: StreamOptions<Frame>;
  readonly #share: StreamShare;
  readonly #signal: AbortSignal;
  /** Ends the work in flight. */
  readonly #end = new AbortController();
  /** Ends the wait for the next request. */
  readonly #reading = new AbortController();
  /** Never rejects. */
  readonly #running = new Set<Promise<void>>();
  #lastReply: Promise<void> = Promise.resolve();
  #failure: ClipError | undefined;

  constructor(site: Site, options: StreamOptions<Frame>) {
    this.#site = site;
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#end.signal]);
    // Each request in flight listens.
    setMaxListeners(0, this.#signal);
    this.#share = new StreamShare({
      requests: options.prefetch,
      bytes: site.config.limits.streamBytes,
      onBytes: () => countLimit(site.metrics, 'streamBytes'),
    });
  }

  async run(): Promise<void> {
    const requests = this.#options.requests[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await untilAborted(requests.next(), this.#reading.signal);
        if (next.done) break;
        await this.#take(next.value);
      }
    } catch (error) {
      this.#fail(ClipError.from(error));
    }
    while (this.#running.size > 0) await Promise.all(this.#running);
    if (this.#failure) throw this.#failure;
  }

  /** Resolves when the next request may come. @throws ClipError that ends the stream */
  async #take(frame: Frame): Promise<void> {
    const clock = openClock();
    const began = performance.now();
    const request = this.#options.decode(frame);
    const items = countDocuments(request.documents);
    const { width } = this.#site.service.describe();
    const lease = await this.#share.enter(frame.length + items * width * BYTES_PER_COMPONENT, this.#signal);
    const patience = openPatience(this.#signal, this.#site.config.gateway.requestTimeoutMs);
    const admission = await this.#admit(frame.length, items, patience);
    const flight = { request, clock, began, lease, patience, admission, after: this.#lastReply };
    const running = this.#serve(flight)
      .catch((error) => this.#fail(ClipError.from(error)))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
    if (this.#options.inOrder) this.#lastReply = running;
  }

  /** A refusal that concerns the request alone is its answer. @throws ClipError that ends the stream */
  async #admit(bytes: number, items: number, patience: Patience): Promise<Permit | ClipError> {
    try {
      return await this.#site.service.enter({ items, bytes }, patience.signal);
    } catch (thrown) {
      const error = ClipError.from(thrown);
      if (!ENDS_STREAM.has(error.code)) return error;
      patience.close();
      throw error;
    }
  }

  /** The first failure counts. Work in flight goes on, unless the client has left. */
  #fail(error: ClipError): void {
    this.#failure ??= error;
    this.#reading.abort(error);
    if (error.code === 'cancelled') this.#end.abort(error);
  }

  async #serve(flight: Flight): Promise<void> {
    const { protocol, route } = this.#options;
    const { metrics } = this.#site;
    let code: 'ok' | ErrorCode = 'cancelled';
    try {
      const answered = await this.#answer(flight);
      if (answered.error && ENDS_STREAM.has(answered.error.code)) throw answered.error;
      const reply = await this.#options.encode(answered);
      flight.lease.resize(reply.length);
      await flight.after;
      await this.#options.send(reply);
      code = answered.error?.code ?? 'ok';
    } finally {
      flight.patience.close();
      flight.lease.leave();
      metrics.requests.inc({ protocol, route, code });
      metrics.requestSeconds.observe({ protocol, route }, (performance.now() - flight.began) / 1000);
    }
  }

  async #answer({ request, clock, admission, patience }: Flight): Promise<Answer> {
    if (admission instanceof ClipError) return { request, error: admission, failed: 'request', routes: [] };
    const deadline = Math.min(this.#options.deadline ?? Infinity, patience.deadline ?? Infinity);
    const context = {
      permit: admission,
      signal: patience.signal,
      deadline: deadline === Infinity ? undefined : deadline,
      source: this,
    };
    const run = answer(this.#site, request, { context, clock, perDocument: false });
    // A client that leaves does not free its share before the work on its behalf has really ended.
    void run.settled.then(() => admission.release());
    return run.answer;
  }
}

function countDocuments(documents: readonly Document[]): number {
  return documents.reduce(
    (sum, { chunks = [], matches = [] }) => sum + 1 + countDocuments(chunks) + countDocuments(matches),
    0,
  );
}
