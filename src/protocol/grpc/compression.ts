import { constants, deflate, gunzip, gzip, inflate } from 'node:zlib';
import { ClipError } from '../../errors.ts';
import { frame } from './framing.ts';

export type Compression = 'gzip' | 'deflate';
/** What clients may send, and read in replies. */
export const ACCEPTED = 'identity,deflate,gzip';
/** A smaller reply does not get shorter by more than the work is worth. */
const LEAST_BYTES = 1024;
/** Messages inflated at a time: each may grow to the limit before it turns out to be too large. */
const AT_ONCE = 4;
const PIECE_BYTES = 64 * 2 ** 10;

/** Inflates messages on the threads of libuv, a few at a time. */
export class Inflator {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param limit bytes of one message after inflation */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws ClipError invalid_request, request_too_large, unsupported_encoding */
  async inflate(message: Buffer, encoding: string): Promise<Buffer> {
    if (encoding !== 'gzip' && encoding !== 'deflate') throw unknownEncoding(encoding);
    if (this.#running === AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await this.#run(message, encoding);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  #run(message: Buffer, encoding: Compression): Promise<Buffer> {
    const unpack = encoding === 'gzip' ? gunzip : inflate;
    const options = { maxOutputLength: this.#limit, chunkSize: PIECE_BYTES };
    return new Promise((resolve, reject) =>
      unpack(message, options, (error, whole) =>
        error ? reject(this.#fault(error, encoding)) : resolve(whole),
      ),
    );
  }

  #fault(error: NodeJS.ErrnoException, encoding: string): ClipError {
    if (error.code === 'ERR_BUFFER_TOO_LARGE')
      return new ClipError(
        'request_too_large',
        `expected a message of at most ${this.#limit} bytes, got one that inflates to more`,
      );
    return new ClipError('invalid_request', `expected a message in ${encoding}, got ${error.message}`);
  }
}

/** A reply with its prefix, compressed where that is asked for and worth it. */
export function pack(message: Uint8Array, compression: Compression | undefined): Buffer | Promise<Buffer> {
  if (compression === undefined || message.byteLength < LEAST_BYTES) return frame(message);
  const squeeze = compression === 'gzip' ? gzip : deflate;
  return new Promise((resolve, reject) =>
    squeeze(message, { level: constants.Z_BEST_SPEED }, (error, packed) =>
      error ? reject(error) : resolve(frame(packed, true)),
    ),
  );
}

/** What the client reads of what the configuration asks for. */
export function chooseCompression(
  wanted: Compression | undefined,
  accepted: string | undefined,
): Compression | undefined {
  return accepted?.split(',').some((name) => name.trim() === wanted) ? wanted : undefined;
}

function unknownEncoding(encoding: string): ClipError {
  if (encoding === 'identity')
    return new ClipError('invalid_request', 'expected grpc-encoding for a compressed message, got none');
  return new ClipError('unsupported_encoding', `expected a message in ${ACCEPTED}, got ${encoding}`);
}
