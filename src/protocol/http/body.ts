import { ClipError } from '../../errors.ts';
import { Inflation } from './inflation.ts';
import { BODY_RATE, type BodyOptions } from './server.ts';

const FIRST_CAPACITY = 64 * 1024;

/**
 * Gathers one body from chunks that are only valid during the call. One buffer that grows by doubling, so that a
 * million chunks of one byte cost a megabyte, and never beyond what was declared. A compressed body is inflated
 * meanwhile, and charged with what it becomes.
 */
export class BodyReader {
  readonly #options: BodyOptions;
  readonly #declared: number | undefined;
  /** Settles once: with the body, or with the first fault. */
  readonly promise: Promise<Buffer>;
  #resolve: (body: Buffer) => void = () => {};
  #reject: (error: ClipError) => void = () => {};
  readonly #timer: NodeJS.Timeout;
  readonly #inflation: Inflation | undefined;
  readonly #onAbort = () => this.fail(ClipError.from(this.#options.signal.reason));
  #buffer: Buffer;
  #length = 0;
  #lengthAtTick = 0;
  #charged = 0;
  #settled = false;

  constructor(
    options: BodyOptions,
    declared: number | undefined,
    window: { readonly ms: number; readonly onSlow: () => void },
  ) {
    this.#options = options;
    this.#declared = declared;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#buffer = Buffer.allocUnsafe(Math.min(declared ?? FIRST_CAPACITY, FIRST_CAPACITY));
    if (options.coding)
      this.#inflation = new Inflation(options.coding, {
        grown: (total) => this.#charge(total),
        done: (body) => this.#succeed(body),
        failed: (error) => this.fail(error),
      });
    this.#timer = setInterval(() => this.#tick(window), window.ms);
    options.signal.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal.aborted) this.#onAbort();
    if ((declared ?? 0) > options.limit) this.fail(tooLarge(options.limit, `${declared}`));
  }

  /** Takes a chunk; after a failure does nothing. */
  add(chunk: Uint8Array): void {
    if (this.#settled) return;
    const length = this.#length + chunk.length;
    try {
      this.#charge(length);
    } catch (error) {
      this.fail(ClipError.from(error));
      return;
    }
    if (length > this.#buffer.length) this.#grow(length);
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
    this.#inflation?.feed(this.#buffer.subarray(0, length), false);
  }

  end(): void {
    if (this.#settled) return;
    clearInterval(this.#timer);
    const body = this.#buffer.subarray(0, this.#length);
    if (this.#inflation) this.#inflation.feed(body, true);
    else this.#succeed(body);
  }

  fail(error: ClipError): void {
    if (!this.#settle()) return;
    this.#inflation?.stop();
    this.#buffer = Buffer.alloc(0);
    this.#reject(error);
  }

  #succeed(body: Buffer): void {
    if (this.#settle()) this.#resolve(body);
  }

  /** With what came, or with what it becomes where that is more. */
  #charge(bytes: number): void {
    const { limit, count } = this.#options;
    if (bytes > limit) throw tooLarge(limit, 'more');
    if (bytes <= this.#charged) return;
    count(bytes - this.#charged);
    this.#charged = bytes;
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearInterval(this.#timer);
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    return true;
  }

  #grow(needed: number): void {
    const most = Math.min(this.#declared ?? Number.POSITIVE_INFINITY, this.#options.limit);
    const larger = Buffer.allocUnsafe(Math.max(needed, Math.min(this.#buffer.length * 2, most)));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }

  #tick({ ms, onSlow }: { readonly ms: number; readonly onSlow: () => void }): void {
    const arrived = this.#length - this.#lengthAtTick;
    this.#lengthAtTick = this.#length;
    const expected = Math.ceil((BODY_RATE * ms) / 1000);
    if (arrived >= expected) return;
    onSlow();
    this.fail(
      new ClipError(
        'body_timeout',
        `expected ${expected} bytes of body in ${ms} ms, or its end; got ${arrived}`,
      ),
    );
  }
}

function tooLarge(limit: number, came: string): ClipError {
  return new ClipError('request_too_large', `expected a body of at most ${limit} bytes, got ${came}`);
}
