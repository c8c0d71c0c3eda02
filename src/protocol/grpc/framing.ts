import { ClipError } from '../../errors.ts';

/** In front of each message: one byte that tells whether it is compressed, four with its length. */
export const PREFIX = 5;
/** First allocation for a message; further ones double, so that memory is spent on what came and not on what was announced. */
const FIRST_BYTES = 2 ** 20;
/** A message that is smaller does not keep the block it came in. */
const COPIED_BYTES = 4096;

/** A message with its prefix, ready to be sent. */
export function frame(message: Uint8Array, compressed = false): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX + message.byteLength);
  framed[0] = compressed ? 1 : 0;
  framed.writeUInt32BE(message.byteLength, 1);
  framed.set(message, PREFIX);
  return framed;
}

export interface AssemblerOptions {
  /** Most bytes of one message. */
  readonly limit: number;
  /** Counts bytes that are held for messages which have not arrived whole. @throws ClipError overloaded */
  readonly hold: (bytes: number) => void;
  /** Told once; nothing is assembled afterwards. */
  readonly onFault: (error: ClipError) => void;
}

/**
 * Puts the messages of one call together. Unlike grpc-js' own it holds one growing block per message and not one object
 * per HTTP/2 frame, which a client may make one byte long.
 */
export class Assembler {
  readonly #options: AssemblerOptions;
  /** Whether each message given out was compressed, oldest first. */
  readonly #compressed: boolean[] = [];
  readonly #prefix = Buffer.alloc(PREFIX);
  #prefixBytes = 0;
  /** Of the message that is arriving; its first byte is where `#prefix` stood. */
  #block: Buffer | undefined;
  #filled = 0;
  #size = 0;
  #dead = false;
  /** Bytes of all messages so far. */
  received = 0;

  constructor(options: AssemblerOptions) {
    this.#options = options;
  }

  /** True while a message has begun and is not whole. */
  get waiting(): boolean {
    return this.#block !== undefined || this.#prefixBytes > 0;
  }

  /** Messages given out and not yet asked about. */
  get queued(): number {
    return this.#compressed.length;
  }

  /** Bytes held for the message that is arriving. */
  get pending(): number {
    return this.#block?.length ?? 0;
  }

  /** Of the oldest message not yet asked about. */
  takeCompressed(): boolean {
    return this.#compressed.shift() ?? false;
  }

  /** Drops what is there and what comes. */
  close(): void {
    this.#dead = true;
    this.#compressed.length = 0;
    this.#block = undefined;
    this.#prefixBytes = 0;
  }

  /** The messages that end in this piece. Each starts with a zero byte, so that grpc-js hands it on as it is. */
  write(piece: Buffer): Buffer[] {
    const whole: Buffer[] = [];
    this.received += piece.length;
    try {
      for (let at = 0; at < piece.length && !this.#dead; )
        at = this.#block ? this.#fill(piece, at, whole) : this.#begin(piece, at, whole);
    } catch (error) {
      this.close();
      this.#options.onFault(ClipError.from(error));
    }
    return whole;
  }

  #begin(piece: Buffer, at: number, whole: Buffer[]): number {
    const taken = Math.min(PREFIX - this.#prefixBytes, piece.length - at);
    piece.copy(this.#prefix, this.#prefixBytes, at, at + taken);
    this.#prefixBytes += taken;
    if (this.#prefixBytes < PREFIX) return at + taken;
    const length = this.#prefix.readUInt32BE(1);
    this.#check(length);
    this.#prefixBytes = 0;
    const end = at + taken + length;
    if (taken === PREFIX && end <= piece.length) {
      const slice = piece.subarray(at, end);
      this.#give(slice.length < COPIED_BYTES ? Buffer.from(slice) : slice, whole);
      return end;
    }
    this.#size = PREFIX + length;
    this.#filled = PREFIX;
    this.#grow(Math.min(this.#size, FIRST_BYTES));
    if (length === 0) this.#give(this.#block!, whole);
    return at + taken;
  }

  #fill(piece: Buffer, at: number, whole: Buffer[]): number {
    const taken = Math.min(this.#size - this.#filled, piece.length - at);
    const needed = this.#filled + taken;
    if (needed > this.#block!.length)
      this.#grow(Math.min(this.#size, Math.max(needed, 2 * this.#block!.length)));
    piece.copy(this.#block!, this.#filled, at, at + taken);
    this.#filled = needed;
    if (this.#filled === this.#size) this.#give(this.#block!, whole);
    return at + taken;
  }

  #check(length: number): void {
    if (this.#prefix[0]! > 1)
      throw new ClipError('invalid_request', `expected 0 or 1 in front of a message, got ${this.#prefix[0]}`);
    const { limit } = this.#options;
    if (length > limit)
      throw new ClipError('request_too_large', `expected a message of at most ${limit} bytes, got ${length}`);
  }

  #grow(bytes: number): void {
    this.#options.hold(bytes - (this.#block?.length ?? 0));
    const larger = Buffer.allocUnsafeSlow(bytes);
    this.#block?.copy(larger, 0, 0, this.#filled);
    this.#block = larger;
  }

  #give(message: Buffer, whole: Buffer[]): void {
    this.#compressed.push(this.#prefix[0] === 1);
    message[0] = 0;
    this.#block = undefined;
    whole.push(message);
  }
}
