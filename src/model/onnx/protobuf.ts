import { ClipError } from '../../errors.ts';
import type { Span } from './types.ts';

/** Longest string that is read: names, operators, file names. */
const MAX_STRING_BYTES = 64 * 1024;
/** A tag and a number take ten bytes each at most. */
export const MAX_HEADER_BYTES = 20;

export type Wire = 'varint' | 'fixed32' | 'fixed64' | 'bytes';
const EMPTY = Buffer.alloc(0);
const WIRES: readonly (Wire | undefined)[] = ['varint', 'fixed64', 'bytes', undefined, undefined, 'fixed32'];

/** Bytes of a file that are in memory; `start` is where they lie in it. */
export interface Run {
  readonly start: number;
  readonly bytes: Buffer;
}

/** The parts of one file that messages are read from. Positions count from the file's start. */
export interface Source {
  readonly path: string;
  readonly size: number;
  /** What is in memory from `position` on. Throws `model_invalid` where that is nothing. */
  run(position: number): Run;
}

/** Walks the fields of one protobuf message: after `next()` the members describe the field it came to. */
export class Message {
  readonly source: Source;
  /** First byte behind the message. */
  readonly limit: number;
  /** Where the next field begins. */
  position: number;
  number = 0;
  wire: Wire = 'varint';
  /** Of a `varint`, as a signed 64-bit integer or the nearest float64; 0 for the others. */
  value = 0;
  /** Bounds of the field's payload. */
  start = 0;
  end = 0;
  #run: Run = { start: 0, bytes: EMPTY };

  constructor(source: Source, { start, end }: Span) {
    this.source = source;
    this.position = start;
    this.limit = end;
  }

  /** False at the message's end. Throws `model_invalid` where the bytes are not such a message. */
  next(): boolean {
    if (this.position >= this.limit) return false;
    const from = this.position;
    const inRun = from - this.#run.start;
    // Near its end the run may be an old view of one that has grown.
    if (inRun < 0 || inRun + MAX_HEADER_BYTES > this.#run.bytes.length) this.#run = this.source.run(from);
    const tag = this.#varint();
    this.number = Math.floor(tag / 8);
    const wire = WIRES[tag % 8];
    if (this.number < 1 || this.number > 2 ** 29 - 1)
      throw broken(this.source, from, `field number ${this.number}`);
    if (!wire) throw broken(this.source, from, `wire type ${tag % 8}`);
    this.wire = wire;
    this.value = 0;
    const length = this.#length(wire);
    if (length < 0 || length > this.limit - this.position) {
      throw broken(this.source, from, `a field of ${length} bytes passes the end`);
    }
    this.end = this.position + length;
    this.position = this.end;
    return true;
  }

  /** Of the payload that follows at `position`; takes in what stands before it. */
  #length(wire: Wire): number {
    this.start = this.position;
    if (wire === 'varint') {
      this.value = this.#varint();
      return 0;
    }
    const length = wire === 'bytes' ? this.#varint() : wire === 'fixed32' ? 4 : 8;
    this.start = this.position;
    return length;
  }

  /** The payload of a `bytes` field, read as a message itself. */
  inner(): Message {
    if (this.wire !== 'bytes') throw this.#unlike('a message');
    return new Message(this.source, this);
  }

  text(): string {
    if (this.wire !== 'bytes') throw this.#unlike('a name');
    const { bytes, start } = this.#payloadRun(MAX_STRING_BYTES);
    return bytes.toString('utf8', this.start - start, this.end - start);
  }

  /** A view of the payload, which may take `most` bytes. */
  payload(most: number): Buffer {
    const { bytes, start } = this.#payloadRun(most);
    return bytes.subarray(this.start - start, this.end - start);
  }

  /** The run that holds the payload, which may take `most` bytes. */
  #payloadRun(most: number): Run {
    const length = this.end - this.start;
    if (length > most) {
      throw broken(this.source, this.start, `${length} bytes where at most ${most} are expected`);
    }
    const isInRun = this.start >= this.#run.start && this.end <= this.#run.start + this.#run.bytes.length;
    return isInRun ? this.#run : this.source.run(this.start);
  }

  /** Of a `fixed32` field. */
  float(): number {
    if (this.wire !== 'fixed32') throw this.#unlike('a number of 32 bits');
    const { bytes, start } = this.#payloadRun(4);
    return bytes.readFloatLE(this.start - start);
  }

  /** Adds the values of a repeated integer field, packed or single, to `to`. */
  integers(to: number[]): void {
    const { bytes, start } = this.#payloadRun(MAX_STRING_BYTES);
    const end = this.end - start;
    for (let at = this.start - start; at < end; ) {
      const { value, next } = readVarint(bytes, at);
      if (next === 0 || next > end) {
        throw broken(this.source, start + at, 'a number that is cut off or too long');
      }
      to.push(value);
      at = next;
    }
  }

  /** Adds the values of a repeated float field, packed or single, to `to`. */
  floats(to: number[]): void {
    const { bytes, start } = this.#payloadRun(MAX_STRING_BYTES);
    if ((this.end - this.start) % 4 !== 0) throw this.#unlike('numbers of 32 bits');
    for (let at = this.start; at < this.end; at += 4) to.push(bytes.readFloatLE(at - start));
  }

  #varint(): number {
    const { value, next } = readVarint(this.#run.bytes, this.position - this.#run.start);
    const after = this.#run.start + next;
    if (next === 0 || after > this.limit) {
      throw broken(this.source, this.position, 'a number that is cut off or too long');
    }
    this.position = after;
    return value;
  }

  #unlike(expected: string): ClipError {
    return broken(this.source, this.start, `a ${this.wire} where field ${this.number} holds ${expected}`);
  }
}

const outcome = { value: 0, next: 0 };

/**
 * The number at `from`, signed, as the nearest float64, and where it ends: 0 where it is cut off or longer than ten
 * bytes. The object is one and the same for every call.
 */
export function readVarint(
  bytes: Uint8Array,
  from: number,
): { readonly value: number; readonly next: number } {
  outcome.next = 0;
  let value = 0;
  let factor = 1;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[from + i];
    if (byte === undefined) return outcome;
    if (i === 7) return readLongVarint(bytes, from);
    value += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte < 0x80) {
      outcome.value = value;
      outcome.next = from + i + 1;
      return outcome;
    }
  }
  return outcome;
}

function readLongVarint(bytes: Uint8Array, from: number): { value: number; next: number } {
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[from + i];
    if (byte === undefined) return outcome;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) {
      outcome.value = Number(BigInt.asIntN(64, value));
      outcome.next = from + i + 1;
      return outcome;
    }
  }
  return outcome;
}

export function broken(source: Source, position: number, found: string): ClipError {
  return new ClipError(
    'model_invalid',
    `${source.path}: expected an ONNX model, found ${found} at byte ${position} of ${source.size}; ` +
      'the file is truncated or of another kind',
  );
}
