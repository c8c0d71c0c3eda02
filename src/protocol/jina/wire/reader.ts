import { ClipError } from '../../../errors.ts';

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LONGEST_VARINT = 10;
const END_GROUP = 4;
/** Longest text that V8 can hold. */
const LONGEST_TEXT = 0x1fffffe8;

/**
 * Walks one protobuf message without copying: strings are decoded, bytes are views of the message.
 *
 * `next` gives tags (field number and wire type, see fields.ts) until the message, or the sub-message that was
 * entered, is at its end; then 0. Each tag is followed by one read, or by `skip`.
 *
 * Every method throws ClipError invalid_request where the bytes are no protobuf; `enter` and `skip` also too_deep.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  /** The same bytes where Node's faster decoding of text exists. */
  readonly #buffer: Buffer | undefined;
  readonly #view: DataView;
  readonly #maxDepth: number;
  readonly #maxValues: number;
  #at = 0;
  #end: number;
  #depth = 0;
  #values = 0;
  /** Upper half of the number that was read last. */
  #high = 0;

  /**
   * @param maxDepth sub-messages (and groups) inside one another
   * @param maxValues what may be counted: parameters, scores and pieces of messages, each of which costs some hundred bytes
   * of memory where it takes two on the wire
   */
  constructor(message: Uint8Array, maxDepth: number, maxValues = Infinity) {
    const { buffer, byteOffset, byteLength } = message;
    this.#bytes = message;
    this.#buffer = globalThis.Buffer?.from(buffer, byteOffset, byteLength);
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#end = byteLength;
    this.#maxDepth = maxDepth;
    this.#maxValues = maxValues;
  }

  /** The next field's tag; 0 at the end. */
  next(): number {
    if (this.#at === this.#end) return 0;
    const tag = this.uint32();
    if (this.#high !== 0 || tag < 8) throw this.#malformed('a field with an impossible number');
    return tag;
  }

  /** Steps over the field whose tag was read. */
  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.uint32();
        break;
      case 1:
        this.#take(8);
        break;
      case 2:
        this.#take(this.#length());
        break;
      case 3:
        this.#skipGroup(tag >>> 3);
        break;
      case 5:
        this.#take(4);
        break;
      default:
        throw this.#malformed(`wire type ${tag & 7}`);
    }
  }

  /** Goes into a sub-message. What it returns is for `leave`, once `next` has given 0. */
  enter(): number {
    const length = this.#length();
    if (length > this.#end - this.#at) throw this.#malformed(`a length of ${length} that passes the end`);
    this.#deepen();
    const outer = this.#end;
    this.#end = this.#at + length;
    return outer;
  }

  leave(outer: number): void {
    this.#end = outer;
    this.#depth -= 1;
  }

  /** What is left of the message, or of the sub-message that was entered; nothing is stepped over. */
  rest(): Uint8Array {
    return (this.#buffer ?? this.#bytes).subarray(this.#at, this.#end);
  }

  /** To be called for what becomes an object of its own. @throws ClipError too_many_values */
  countValue(): void {
    this.#values += 1;
    if (this.#values > this.#maxValues)
      throw new ClipError(
        'too_many_values',
        `expected at most ${this.#maxValues} parameters and scores (values_per_request), got more at byte ${this.#at}`,
      );
  }

  bytes(): Uint8Array {
    const start = this.#take(this.#length());
    return (this.#buffer ?? this.#bytes).subarray(start, this.#at);
  }

  /** UTF-8, strictly. */
  string(): string {
    const start = this.#take(this.#length());
    if (start === this.#at) return '';
    if (this.#at - start > LONGEST_TEXT) throw this.#malformed(`a text of ${this.#at - start} bytes`, start);
    const text = this.#buffer?.toString('utf8', start, this.#at);
    // Node's decoder writes U+FFFD for what is no UTF-8; where there is none, nothing was wrong.
    if (text !== undefined && !text.includes('\ufffd')) return text;
    try {
      return DECODER.decode(this.#bytes.subarray(start, this.#at));
    } catch {
      throw this.#malformed('text that is not UTF-8', start);
    }
  }

  /** The low 32 bits, as protobuf reads a longer number into a shorter type. */
  uint32(): number {
    if (this.#at < this.#end) {
      const byte = this.#bytes[this.#at]!;
      if (byte < 0x80) {
        this.#at += 1;
        this.#high = 0;
        return byte;
      }
    }
    return this.#varint();
  }

  /** Exact up to 2^53. */
  int64(): number {
    const low = this.uint32();
    return (this.#high | 0) * 2 ** 32 + low;
  }

  bool(): boolean {
    return this.uint32() !== 0 || this.#high !== 0;
  }

  float(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** Adds one number of a repeated float, or a packed run of them. */
  floats(tag: number, into: number[]): void {
    if ((tag & 7) !== 2) {
      into.push(this.float());
      return;
    }
    const outer = this.enter();
    while (this.#at < this.#end) into.push(this.float());
    this.leave(outer);
  }

  /**
   * Adds one number of a repeated uint32, or a packed run of them.
   *
   * @param most length at which `into` is full; what follows is not kept
   */
  uint32s(tag: number, into: number[], most: number): void {
    const keep = (value: number) => {
      if (into.length < most) into.push(value);
    };
    if ((tag & 7) !== 2) {
      keep(this.uint32());
      return;
    }
    const outer = this.enter();
    while (this.#at < this.#end) keep(this.uint32());
    this.leave(outer);
  }

  #skipGroup(number: number): void {
    this.#deepen();
    for (;;) {
      const tag = this.next();
      if (tag === 0) throw this.#malformed('a group without an end');
      if ((tag & 7) === END_GROUP) {
        if (tag >>> 3 !== number) throw this.#malformed('the end of another group');
        this.#depth -= 1;
        return;
      }
      this.skip(tag);
    }
  }

  #deepen(): void {
    this.#depth += 1;
    if (this.#depth > this.#maxDepth)
      throw new ClipError(
        'too_deep',
        `expected messages at most ${this.#maxDepth} levels deep, got more at byte ${this.#at}`,
      );
  }

  #length(): number {
    const length = this.uint32();
    if (this.#high !== 0) throw this.#malformed('a negative length or one beyond 4 GiB');
    return length;
  }

  /** Steps over so many bytes and returns where they start. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#end - start) throw this.#malformed(`a length of ${length} that passes the end`);
    this.#at = start + length;
    return start;
  }

  #varint(): number {
    const start = this.#at;
    let low = 0;
    let high = 0;
    for (let i = 0; i < LONGEST_VARINT; i += 1) {
      if (this.#at === this.#end) throw this.#malformed('a number that is cut off', start);
      const byte = this.#bytes[this.#at]!;
      this.#at += 1;
      const bits = byte & 0x7f;
      if (i < 4) low |= bits << (7 * i);
      else if (i === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (7 * i - 32);
      if (byte < 0x80) {
        this.#high = high >>> 0;
        return low >>> 0;
      }
    }
    throw this.#malformed(`a number longer than ${LONGEST_VARINT} bytes`, start);
  }

  #malformed(found: string, at = this.#at): ClipError {
    return new ClipError(
      'invalid_request',
      `expected a protobuf message, found ${found} at byte ${at} of ${this.#bytes.length}`,
    );
  }
}
