import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { Metadata, type ServerInterceptingCallInterface, type StatusObject } from '@grpc/grpc-js';
import { ClipError } from '../../errors.ts';
import type { Trace } from '../../observe/tracing.ts';
import type { ReceiveBudget } from './budget.ts';
import { type Compression, chooseCompression, type Inflator, pack } from './compression.ts';
import { headersOf } from './connection.ts';
import { Assembler, PREFIX } from './framing.ts';
import { type CallInternals, callInternals } from './internals.ts';
import { ReadPace, WritePace } from './pace.ts';

export interface CallOptions {
  readonly receiveBytes: number;
  readonly sendBytes: number | undefined;
  readonly compression: Compression | undefined;
  readonly budget: ReceiveBudget;
  readonly inflator: Inflator;
}

interface Wish {
  resolve(result: IteratorResult<Buffer, undefined>): void;
  reject(error: ClipError): void;
}

/** A client that goes on sending after the call's end is told by a reset. */
const HANG_UP_MS = 1000;
const END: IteratorResult<Buffer, undefined> = { done: true, value: undefined };

/** One call of a client: its messages as they are asked for, and what is sent back. */
export class GrpcCall implements AsyncIterableIterator<Buffer, undefined> {
  readonly reading: ReadPace;
  readonly writing: WritePace;
  /** Its span; undefined where nobody records it. */
  trace: Trace | undefined;
  readonly #base: ServerInterceptingCallInterface;
  readonly #inside: CallInternals;
  readonly #headers: IncomingHttpHeaders;
  readonly #options: CallOptions;
  readonly #assembler: Assembler;
  readonly #compression: Compression | undefined;
  readonly #gone = new AbortController();
  readonly #unsent = new Set<(error: ClipError) => void>();
  #metadata = new Metadata();
  #wish: Wish | undefined;
  #fault: ClipError | undefined;
  /** Bytes taken from the budget. */
  #held = 0;
  #given = 0;
  #sent = 0;
  #draining = false;

  constructor(base: ServerInterceptingCallInterface, options: CallOptions) {
    this.#base = base;
    this.#options = options;
    this.#inside = callInternals(base);
    this.#headers = headersOf(this.stream);
    this.#assembler = new Assembler({
      limit: options.receiveBytes,
      hold: (bytes) => this.#hold(bytes),
      onFault: (error) => this.fail(error),
    });
    this.#inside.decoder = this.#assembler;
    this.#inside.serializeMessage = (framed) => framed;
    const accepted = this.#headers['grpc-accept-encoding'];
    this.#compression = chooseCompression(options.compression, accepted?.toString());
    this.reading = new ReadPace(this.#assembler, () => this.#wish !== undefined);
    this.writing = new WritePace(this.stream);
    base.start({
      onReceiveMetadata: (metadata) => {
        this.#metadata = metadata;
      },
      onReceiveMessage: (message: Buffer) => this.#receive(message),
      onReceiveHalfClose: () => this.#grant((wish) => wish.resolve(END)),
      onCancel: () => this.#leave(),
    });
  }

  /** Aborted with a ClipError when the client leaves, or its time is over. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Monotonic ms; undefined means for ever. */
  get deadline(): number | undefined {
    const deadline = Number(this.#base.getDeadline());
    return deadline === Infinity ? undefined : performance.now() + deadline - Date.now();
  }

  get stream(): ServerHttp2Stream {
    return this.#inside.stream;
  }

  /** Names and values of all headers. */
  get headerBytes(): number {
    return Object.entries(this.#headers).reduce(
      (sum, [name, value]) => sum + name.length + String(value).length,
      0,
    );
  }

  /** What the client sent under this name, the first of several. */
  header(name: string): string | undefined {
    return this.#metadata.get(name)[0]?.toString();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next message; one is read for each time this is called. @throws ClipError that ends the call */
  next(): Promise<IteratorResult<Buffer, undefined>> {
    this.#letGo();
    return new Promise((resolve, reject) => {
      const fault = this.#fault ?? (this.signal.aborted ? ClipError.aborted(this.signal) : undefined);
      if (fault) return reject(fault);
      this.#wish = { resolve, reject };
      this.#base.startRead();
      this.#endIdle();
    });
  }

  /** A message as it goes over the wire, compressed where the configuration and the client agree on it. */
  pack(message: Uint8Array): Buffer | Promise<Buffer> {
    return pack(message, this.#compression);
  }

  /** Resolves when the transport has taken the message. @throws ClipError answer_too_large; that the client has left */
  send(framed: Buffer): Promise<void> {
    const { sendBytes } = this.#options;
    const bytes = framed.length - PREFIX;
    if (sendBytes !== undefined && bytes > sendBytes)
      throw new ClipError(
        'answer_too_large',
        `expected an answer of at most ${sendBytes} bytes, got ${bytes}`,
      );
    return new Promise((resolve, reject) => {
      if (this.signal.aborted) return reject(ClipError.aborted(this.signal));
      if (this.#sent === 0 && (this.#compression || this.trace)) this.#announce();
      this.#sent += 1;
      this.#unsent.add(reject);
      this.writing.begin();
      this.#base.sendMessage(framed, () => {
        this.#unsent.delete(reject);
        this.writing.end();
        resolve();
        this.#endIdle();
      });
    });
  }

  /** Ends the call for a fault of what comes from the client; what is in flight is answered nevertheless. */
  fail(error: ClipError): void {
    this.#fault ??= error;
    this.#assembler.close();
    this.#letGo();
    this.#grant((wish) => wish.reject(error));
  }

  /** Ends the call as soon as no request is in flight: the server is shutting down. */
  drain(): void {
    this.#draining = true;
    this.#endIdle();
  }

  /** Resets the call, and with it everything on its behalf. */
  reset(code: number): void {
    this.stream.close(code);
  }

  finish(status: StatusObject): void {
    const { stream } = this;
    this.#assembler.close();
    this.#letGo();
    this.#base.sendStatus(status);
    if (stream.readableEnded || stream.destroyed) return;
    // The status first: a reset takes over whatever waits to be sent.
    const hangUp = setTimeout(() => stream.close(), HANG_UP_MS);
    stream.once('close', () => clearTimeout(hangUp));
  }

  #announce(): void {
    const metadata = new Metadata();
    if (this.#compression) metadata.set('grpc-encoding', this.#compression);
    if (this.trace) metadata.set('traceparent', this.trace.traceparent);
    this.#base.sendMetadata(metadata);
  }

  #receive(message: Buffer): void {
    this.#given += 1;
    this.reading.restart();
    if (!this.#assembler.takeCompressed()) {
      this.#grant((wish) => wish.resolve({ done: false, value: message }));
      return;
    }
    const encoding = this.#headers['grpc-encoding']?.toString() ?? 'identity';
    this.#options.inflator.inflate(message, encoding).then(
      (value) => this.#giveInflated(value),
      (error) => this.fail(error),
    );
  }

  #giveInflated(value: Buffer): void {
    if (this.#fault) return;
    try {
      this.#hold(value.length);
      this.#grant((wish) => wish.resolve({ done: false, value }));
    } catch (error) {
      this.fail(ClipError.from(error));
    }
  }

  #grant(how: (wish: Wish) => void): void {
    const wish = this.#wish;
    this.#wish = undefined;
    if (wish) how(wish);
  }

  #leave(): void {
    const late = Date.now() >= Number(this.#base.getDeadline());
    const error = late
      ? new ClipError('deadline_exceeded', 'expected an answer before the deadline of the call')
      : new ClipError('cancelled', 'the client has left');
    this.#gone.abort(error);
    for (const reject of this.#unsent) reject(error);
    this.#unsent.clear();
    this.fail(error);
  }

  /** Nothing is asked of a call whose next message is awaited and whose replies are all out. */
  #endIdle(): void {
    if (!this.#draining || !this.#wish || this.#unsent.size > 0 || this.#sent < this.#given) return;
    this.fail(new ClipError('draining', 'the server is shutting down'));
  }

  #hold(bytes: number): void {
    this.#options.budget.take(bytes);
    this.#held += bytes;
  }

  /** What was given out is counted elsewhere now; what is still to be given out stays. */
  #letGo(): void {
    if (this.#assembler.queued > 0) return;
    const rest = this.#assembler.pending;
    this.#options.budget.give(this.#held - rest);
    this.#held = rest;
  }
}
