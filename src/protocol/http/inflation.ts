import {
  brotliDecompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  gunzip,
  inflate,
  inflateRaw,
} from 'node:zlib';
import { ClipError } from '../../errors.ts';
import type { Coding } from './coding.ts';

/**
 * A body that becomes larger is measured first and then inflated a second time, so that one which passes the limit in the
 * end has cost no more memory than this.
 */
const KEPT_BYTES = 16 * 2 ** 20;
const CHUNK_BYTES = 64 * 1024;

/** What becomes of one inflation; the last two end it. */
export interface Watch {
  /** Bytes inflated so far; throws to refuse them. */
  readonly grown: (total: number) => void;
  readonly done: (body: Buffer) => void;
  readonly failed: (error: ClipError) => void;
}

type Method = {
  readonly open: (options: { chunkSize: number }) => ReturnType<typeof createGunzip>;
  readonly whole: (
    bytes: Buffer,
    options: { maxOutputLength: number },
    take: (error: Error | null, result: Buffer) => void,
  ) => void;
};

const GZIP: Method = { open: createGunzip, whole: gunzip };
const ZLIB: Method = { open: createInflate, whole: inflate };
const RAW: Method = { open: createInflateRaw, whole: inflateRaw };
const BROTLI: Method = { open: createBrotliDecompress, whole: brotliDecompress };

/** `deflate` means zlib's format, but some clients leave out its header. */
function methodOf(coding: Coding, first: number): Method {
  if (coding === 'gzip') return GZIP;
  if (coding === 'br') return BROTLI;
  return (first & 0x0f) === 0x08 ? ZLIB : RAW;
}

/** Inflates one body while it arrives, on libuv's threads; one piece of it at a time is under way. */
export class Inflation {
  readonly #coding: Coding;
  readonly #watch: Watch;
  #method: Method | undefined;
  #engine: ReturnType<Method['open']> | undefined;
  #arrived: Buffer = Buffer.alloc(0);
  #complete = false;
  #fed = 0;
  #writing = false;
  #over = false;
  #total = 0;
  /** Undefined once the body is measured only. */
  #kept: Buffer[] | undefined = [];

  constructor(coding: Coding, watch: Watch) {
    this.#coding = coding;
    this.#watch = watch;
  }

  /**
   * @param arrived everything that came so far
   * @param complete nothing more will come
   */
  feed(arrived: Buffer, complete: boolean): void {
    this.#arrived = arrived;
    this.#complete = complete;
    if (this.#over || this.#writing) return;
    if (this.#fed < arrived.length) this.#write(arrived.subarray(this.#fed));
    else if (complete) this.#finish();
  }

  /** Gives up. Idempotent. */
  stop(): void {
    this.#over = true;
    this.#kept = undefined;
    this.#engine?.destroy();
  }

  #write(piece: Buffer): void {
    this.#engine ??= this.#open(piece[0]!);
    this.#fed += piece.length;
    this.#writing = true;
    this.#engine.write(piece, () => {
      this.#writing = false;
      this.feed(this.#arrived, this.#complete);
    });
  }

  #open(first: number): ReturnType<Method['open']> {
    this.#method = methodOf(this.#coding, first);
    const engine = this.#method.open({ chunkSize: CHUNK_BYTES });
    engine.on('data', (chunk: Buffer) => this.#take(chunk));
    engine.once('error', (error) => this.#fail(error));
    engine.once('end', () => this.#end());
    return engine;
  }

  #finish(): void {
    if (this.#engine) this.#engine.end();
    else this.#succeed(Buffer.alloc(0));
  }

  #take(chunk: Buffer): void {
    if (this.#over) return;
    this.#total += chunk.length;
    try {
      this.#watch.grown(this.#total);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#total > KEPT_BYTES) this.#kept = undefined;
    this.#kept?.push(chunk);
  }

  #end(): void {
    if (this.#over) return;
    const { bytesWritten } = this.#engine!;
    if (!this.#complete || bytesWritten !== this.#arrived.length)
      this.#fail(new Error(`its data ends after ${bytesWritten} bytes, and more follows`));
    else if (this.#kept) this.#succeed(Buffer.concat(this.#kept, this.#total));
    else
      this.#method!.whole(this.#arrived, { maxOutputLength: this.#total }, (error, body) => {
        if (this.#over) return;
        if (error) this.#fail(error);
        else this.#succeed(body);
      });
  }

  #succeed(body: Buffer): void {
    this.stop();
    this.#watch.done(body);
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.stop();
    const damaged = (): ClipError =>
      new ClipError(
        'invalid_request',
        `expected a body that is compressed as its content-encoding ${this.#coding} says, got one that is ` +
          `cut off or damaged: ${(error as Error).message}`,
        { cause: error },
      );
    this.#watch.failed(error instanceof ClipError ? error : damaged());
  }
}
