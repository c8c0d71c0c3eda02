/** Longest text that is written character by character: below it, a call into native code costs more. */
const SHORT = 48;
const ENCODER = new TextEncoder();

/**
 * A message in one allocation, a Buffer in Node. `write` describes it and is run twice: to measure, and to write. Both runs
 * must be the same.
 */
export function encodeMessage(write: (out: Writer) => void): Uint8Array {
  const out = new Writer();
  write(out);
  out.allocate();
  write(out);
  return out.finish();
}

/** Fields in the order in which they are called for; tags as in fields.ts. Numbers are written also where they are 0. */
export class Writer {
  /** Undefined while the message is measured. */
  #bytes: Uint8Array | undefined;
  #buffer: Buffer | undefined;
  #view: DataView | undefined;
  #at = 0;
  /** Lengths of sub-messages and texts in the order in which they are begun, noted while measuring. */
  readonly #sizes: number[] = [];
  #next = 0;

  allocate(): void {
    const size = this.#at;
    this.#buffer = globalThis.Buffer?.allocUnsafe(size);
    this.#bytes = this.#buffer ?? new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, size);
    this.#at = 0;
  }

  finish(): Uint8Array {
    if (this.#at !== this.#bytes?.length || this.#next !== this.#sizes.length)
      throw new RangeError(`expected to write ${this.#bytes?.length} bytes as measured, wrote ${this.#at}`);
    return this.#bytes;
  }

  /** Begins a sub-message; what it returns ends it. */
  open(tag: number): number {
    this.#varint(tag);
    if (this.#bytes) {
      this.#varint(this.#sizes[this.#next++]!);
      return 0;
    }
    return this.#sizes.push(this.#at) - 1;
  }

  close(opened: number): void {
    if (this.#bytes) return;
    const size = this.#at - this.#sizes[opened]!;
    this.#sizes[opened] = size;
    this.#at += varintSize(size);
  }

  /** Left out where it is undefined or empty. */
  text(tag: number, value: string | undefined): void {
    if (value) this.string(tag, value);
  }

  string(tag: number, value: string): void {
    this.#varint(tag);
    if (this.#bytes) {
      const size = this.#sizes[this.#next++]!;
      this.#varint(size);
      this.#writeText(this.#bytes, value, size);
      this.#at += size;
      return;
    }
    const size = utf8Size(value);
    this.#sizes.push(size);
    this.#at += varintSize(size) + size;
  }

  /** Numbers as they lie in memory, little-endian. */
  bytes(tag: number, value: Exclude<NodeJS.TypedArray, BigInt64Array | BigUint64Array>): void {
    this.#varint(tag);
    this.#varint(value.byteLength);
    this.#bytes?.set(
      value instanceof Uint8Array ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength),
      this.#at,
    );
    this.#at += value.byteLength;
  }

  uint32(tag: number, value: number): void {
    this.#varint(tag);
    this.#varint(value);
  }

  /** Whole and not negative, up to 2^53. */
  uint64(tag: number, value: number): void {
    this.#varint(tag);
    this.#varint(value);
  }

  bool(tag: number, value: boolean): void {
    this.#varint(tag);
    this.#varint(value ? 1 : 0);
  }

  float(tag: number, value: number): void {
    this.#varint(tag);
    this.#view?.setFloat32(this.#at, value, true);
    this.#at += 4;
  }

  double(tag: number, value: number): void {
    this.#varint(tag);
    this.#view?.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  floats(tag: number, values: readonly number[]): void {
    this.#varint(tag);
    this.#varint(values.length * 4);
    for (const value of values) {
      this.#view?.setFloat32(this.#at, value, true);
      this.#at += 4;
    }
  }

  uint32s(tag: number, values: readonly number[]): void {
    const run = this.open(tag);
    for (const value of values) this.#varint(value);
    this.close(run);
  }

  #varint(value: number): void {
    const bytes = this.#bytes;
    if (!bytes) {
      this.#at += varintSize(value);
      return;
    }
    let rest = value;
    while (rest >= 0x80) {
      bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    bytes[this.#at++] = rest;
  }

  #writeText(bytes: Uint8Array, value: string, size: number): void {
    const { length } = value;
    if (length === size && length <= SHORT)
      for (let i = 0; i < length; i += 1) bytes[this.#at + i] = value.charCodeAt(i);
    else if (this.#buffer) this.#buffer.write(value, this.#at, size, 'utf8');
    else ENCODER.encodeInto(value, bytes.subarray(this.#at, this.#at + size));
  }
}

function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  let size = 2;
  for (let rest = value / 0x4000; rest >= 1; rest /= 0x80) size += 1;
  return size;
}

/** Bytes of the text in UTF-8; a lone surrogate becomes U+FFFD, as every encoder makes of it. */
function utf8Size(text: string): number {
  const { length } = text;
  if (length > SHORT && globalThis.Buffer) return Buffer.byteLength(text);
  let size = length;
  for (let i = 0; i < length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    size += code < 0x800 ? 1 : 2;
    // A pair takes four bytes together.
    if (code >= 0xd800 && code < 0xdc00 && isLow(text.charCodeAt(i + 1))) i += 1;
  }
  return size;
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000;
}
