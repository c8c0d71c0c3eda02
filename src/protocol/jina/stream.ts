import { setMaxListeners } from 'node:events';
import { onAbort, untilAborted } from '../../abort.ts';
import { ClipError, type ErrorCode } from '../../errors.ts';
import type { Passage } from '../../observe/passage.ts';
import type { Trace } from '../../observe/tracing.ts';
import type { Permit, RequestSize } from '../../service/item.ts';
import { countFault, countLimit } from '../limit.ts';
import { openPatience, type Patience } from '../patience.ts';
import type { Site } from '../site.ts';
import { type Answer, answer, refused } from './answer.ts';
import { type Clock, openClock } from './clock.ts';
import { countDocuments } from './document.ts';
import type { JinaRequest } from './request.ts';
import { bytesUntilReplied, type Lease, StreamShare } from './stream-share.ts';

type Sized = { readonly length: number };

/** One connection on which many requests are in flight at once. */
export interface StreamOptions<Frame extends Sized> {
  /** For metrics. */
  readonly protocol: 'grpc' | 'websocket';
  readonly route: string;
  /** Requests as they come, of which one is read ahead when there is no room for it; its end means no more requests. */
  readonly requests: AsyncIterable<Frame>;
  /** @throws ClipError where not even the envelope can be read: it ends the stream, after the answers in flight */
  readonly decode: (frame: Frame) => JinaRequest;
  /** @throws ClipError for an answer that the encoding has no words for: the request is then answered with that error */
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
  /** Most that the encoding takes for one component of a vector; 4 where absent. */
  readonly bytesPerComponent?: number;
  /** The span of the whole stream. */
  readonly trace?: Trace;
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

/** One request on its way. What it brought is not part of it: only the reply is held while a slow client takes others. */
interface Flight {
  readonly clock: Clock;
  readonly lease: Lease;
  readonly patience: Patience;
  readonly passage: Passage;
  /** Whether the reply before it is out. */
  readonly after: Promise<boolean> | undefined;
}

type Reply<Frame> = { readonly frame: Frame; readonly code: 'ok' | ErrorCode };

class Stream<Frame extends Sized> {
  readonly #site: Site;
  readonly #options: StreamOptions<Frame>;
  readonly #share: StreamShare;
  /** Ends the work in flight. */
  readonly #end = new AbortController();
  /** Ends the wait for the next request. */
  #interrupt: ((error: ClipError) => void) | undefined;
  #flights = 0;
  #landed: (() => void) | undefined;
  #lastReply: Promise<boolean> | undefined;
  #failure: ClipError | undefined;

  constructor(site: Site, options: StreamOptions<Frame>) {
    this.#site = site;
    this.#options = options;
    // Items of all requests in flight listen.
    setMaxListeners(0, this.#end.signal);
    this.#share = new StreamShare({
      requests: options.prefetch,
      bytes: site.config.limits.streamBytes,
      onBytes: () => countLimit(site.metrics, 'streamBytes'),
    });
  }

  async run(): Promise<void> {
    const { signal, requests } = this.#options;
    const ignoreClient = onAbort(signal, () => this.#abandon(ClipError.aborted(signal)));
    try {
      await this.#read(requests[Symbol.asyncIterator]());
    } catch (error) {
      this.#fail(ClipError.from(error));
    }
    if (this.#flights > 0)
      await new Promise<void>((resolve) => {
        this.#landed = resolve;
      });
    ignoreClient();
    if (this.#failure) throw this.#failure;
  }

  async #read(requests: AsyncIterator<Frame>): Promise<void> {
    while (!this.#failure) {
      const next = await new Promise<IteratorResult<Frame>>((resolve, reject) => {
        this.#interrupt = reject;
        requests.next().then(resolve, reject);
      });
      if (next.done) return;
      await this.#take(next.value);
    }
  }

  /** Resolves when the next request may come. @throws ClipError that ends the stream */
  async #take(frame: Frame): Promise<void> {
    const clock = openClock();
    const request = this.#options.decode(frame);
    if (request.fault) countFault(this.#site.metrics, request.fault);
    const size = { items: countDocuments(request.documents), bytes: frame.length };
    const { bytesPerComponent = BYTES_PER_COMPONENT } = this.#options;
    const vectorBytes = bytesPerComponent * this.#site.service.describe().width;
    const lease = await this.#share.enter(bytesUntilReplied(size, vectorBytes), this.#end.signal);
    // Another request may have ended the stream meanwhile.
    if (this.#failure) return;
    const patience = openPatience(this.#end.signal, this.#site.config.gateway.requestTimeoutMs);
    const passage = this.#site.metrics.jina.receive(frame.length);
    const flight: Flight = { clock, lease, patience, passage, after: this.#lastReply };
    this.#flights++;
    const admission = await this.#admit(size, flight);
    const sent = this.#deliver(flight, this.#answer(request, admission, flight));
    if (this.#options.inOrder) this.#lastReply = sent;
  }

  /** A refusal that concerns the request alone is its answer. @throws ClipError that ends the stream */
  async #admit(size: RequestSize, flight: Flight): Promise<Permit | ClipError> {
    try {
      return await this.#site.service.enter(size, flight.patience.signal);
    } catch (thrown) {
      const error = ClipError.from(thrown);
      if (!ENDS_STREAM.has(error.code)) return error;
      this.#land(flight, error.code);
      throw error;
    }
  }

  /** @throws ClipError that ends the stream */
  async #answer(request: JinaRequest, admission: Permit | ClipError, flight: Flight): Promise<Reply<Frame>> {
    const answered =
      admission instanceof ClipError
        ? refused(request, admission)
        : await this.#work(request, admission, flight);
    if (answered.error && ENDS_STREAM.has(answered.error.code)) throw answered.error;
    const { encode } = this.#options;
    try {
      return { frame: await encode(answered), code: answered.error?.code ?? 'ok' };
    } catch (thrown) {
      const error = ClipError.from(thrown);
      // What could not be told was in the documents.
      return { frame: await encode(refused({ ...request, documents: [] }, error)), code: error.code };
    }
  }

  #work(request: JinaRequest, permit: Permit, { clock, patience, passage }: Flight): Promise<Answer> {
    const { trace, deadline: last = Infinity } = this.#options;
    const ends = Math.min(last, patience.deadline ?? Infinity);
    const deadline = ends === Infinity ? undefined : ends;
    const context = { permit, signal: patience.signal, deadline, source: this, trace };
    const run = answer(this.#site, request, { context, clock, perDocument: false, passage });
    // A client that leaves does not free its share before the work on its behalf has really ended.
    void run.settled.then(() => permit.release());
    return run.answer;
  }

  /** Never rejects. @returns whether the reply is out */
  async #deliver(flight: Flight, reply: Promise<Reply<Frame>>): Promise<boolean> {
    let end: 'ok' | ErrorCode = 'cancelled';
    try {
      const { frame, code } = await reply;
      flight.lease.resize(frame.length);
      // A client that tells replies by their place would take this one for the one that is missing.
      if ((await flight.after) === false) return false;
      await this.#send(frame);
      end = code;
      if (code === 'ok') flight.passage.succeeded(frame.length);
      return true;
    } catch (thrown) {
      const error = ClipError.from(thrown);
      end = error.code;
      this.#fail(error);
      return false;
    } finally {
      this.#land(flight, end);
    }
  }

  async #send(frame: Frame): Promise<void> {
    const { signal } = this.#end;
    if (signal.aborted) throw ClipError.aborted(signal);
    try {
      await untilAborted(this.#options.send(frame), signal);
    } catch (thrown) {
      if (thrown instanceof ClipError) throw thrown;
      throw new ClipError('cancelled', 'The client took no more replies.', { cause: thrown });
    }
  }

  #land({ patience, passage, lease, clock }: Flight, code: 'ok' | ErrorCode): void {
    const { protocol, route } = this.#options;
    const { metrics } = this.#site;
    patience.close();
    passage.failed();
    lease.leave();
    metrics.requests.inc({ protocol, route, code });
    metrics.requestSeconds.observe({ protocol, route }, (clock.now() - clock.opened) / 1e6);
    this.#flights--;
    if (this.#flights === 0) this.#landed?.();
  }

  /** The first failure counts. Work in flight goes on, unless the client has left. */
  #fail(error: ClipError): void {
    this.#failure ??= error;
    this.#interrupt?.(error);
    if (error.code === 'cancelled') this.#end.abort(error);
  }

  /** Nobody waits for the replies any more. */
  #abandon(error: ClipError): void {
    this.#fail(error);
    this.#end.abort(error);
  }
}
