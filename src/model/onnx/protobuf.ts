import type { FileHandle } from 'node:fs/promises';
import { ClipError } from '../../errors.ts';

const WINDOW_BYTES = 64 * 1024;
/** Longest string that is read: names, operators, file names. */
const MAX_STRING_BYTES = 64 * 1024;
/** A tag and a number take ten bytes each at most. */
const MAX_HEADER_BYTES = 20;

/** One field of a protobuf message. `start` and `end` bound its payload in the file. */
export interface Field {
  readonly number: number;
  readonly wire: 'varint' | 'fixed32' | 'fixed64' | 'bytes';
  /** Value of a `varint` as a signed 64-bit number; 0 for the others. */
  readonly value: bigint;
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a protobuf file by position, so that memory stays bounded whatever the file holds: payloads that nobody asks
 * for (weights) are stepped over. The handle stays the caller's.
 */
export class ProtobufFile {
  readonly path: string;
  readonly size: number;
  readonly #handle: FileHandle;
  #window = Buffer.alloc(0);
  #windowStart = 0;

  constructor(handle: FileHandle, path: string, size: number) {
    this.#handle = handle;
    this.path = path;
    this.size = size;
  }

  /** Walks the fields of the message in [start, end). Throws `model_invalid` where the bytes are not such a message. */
  async *fields(start: number, end: number): AsyncGenerator<Field> {
    let position = start;
    while (position < end) {
      const field = this.#decode(
        await this.bytes(position, Math.min(MAX_HEADER_BYTES, end - position)),
        position,
      );
      if (field.end > end)
        throw this.broken(position, `a field of ${field.end - field.start} bytes passes the end`);
      yield field;
      position = field.end;
    }
  }

  #decode(header: Buffer, position: number): Field {
    const tag = this.#varint(header, 0, position);
    const number = Number(tag.value >> 3n);
    if (number < 1 || number > 2 ** 29 - 1) throw this.broken(position, `field number ${number}`);
    const start = position + tag.next;
    switch (Number(tag.value & 7n)) {
      case 0: {
        const { value, next } = this.#varint(header, tag.next, position);
        return { number, wire: 'varint', value: BigInt.asIntN(64, value), start, end: position + next };
      }
      case 1:
        return { number, wire: 'fixed64', value: 0n, start, end: start + 8 };
      case 2: {
        const { value, next } = this.#varint(header, tag.next, position);
        return {
          number,
          wire: 'bytes',
          value: 0n,
          start: position + next,
          end: position + next + Number(value),
        };
      }
      case 5:
        return { number, wire: 'fixed32', value: 0n, start, end: start + 4 };
      default:
        throw this.broken(position, `wire type ${tag.value & 7n}`);
    }
  }

  #varint(bytes: Buffer, from: number, position: number): { value: bigint; next: number } {
    let value = 0n;
    for (let i = 0; i < 10; i++) {
      const byte = bytes[from + i];
      if (byte === undefined) throw this.broken(position, 'a number that is cut off');
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return { value, next: from + i + 1 };
    }
    throw this.broken(position, 'a number longer than ten bytes');
  }

  async text(field: Field): Promise<string> {
    const length = field.end - field.start;
    if (field.wire !== 'bytes' || length > MAX_STRING_BYTES) {
      throw this.broken(field.start, `a name of ${length} bytes (at most ${MAX_STRING_BYTES})`);
    }
    return (await this.bytes(field.start, length)).toString('utf8');
  }

  /** Values of a repeated integer field, packed or single. */
  async integers(field: Field): Promise<number[]> {
    if (field.wire === 'varint') return [Number(field.value)];
    const length = field.end - field.start;
    if (length > MAX_STRING_BYTES) throw this.broken(field.start, `a list of ${length} bytes`);
    const bytes = Buffer.from(await this.bytes(field.start, length));
    const values: number[] = [];
    for (let at = 0; at < length; ) {
      const { value, next } = this.#varint(bytes, at, field.start);
      values.push(Number(BigInt.asIntN(64, value)));
      at = next;
    }
    return values;
  }

  /** A view that is valid until the next read. */
  async bytes(position: number, length: number): Promise<Buffer> {
    const inWindow = position - this.#windowStart;
    if (inWindow >= 0 && inWindow + length <= this.#window.length) {
      return this.#window.subarray(inWindow, inWindow + length);
    }
    const wanted = Math.min(Math.max(length, WINDOW_BYTES), this.size - position);
    if (wanted < length) throw this.broken(position, 'the file ends early');
    const buffer = Buffer.alloc(wanted);
    for (let filled = 0; filled < wanted; ) {
      const { bytesRead } = await this.#handle.read(buffer, filled, wanted - filled, position + filled);
      if (bytesRead === 0) throw this.broken(position, 'the file ends early');
      filled += bytesRead;
    }
    this.#window = buffer;
    this.#windowStart = position;
    return buffer.subarray(0, length);
  }

  broken(position: number, found: string): ClipError {
    return new ClipError(
      'model_invalid',
      `${this.path}: expected an ONNX model, found ${found} at byte ${position} of ${this.size}; ` +
        'the file is truncated or of another kind',
    );
  }
}
