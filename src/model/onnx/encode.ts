/** The protobuf wire format, as far as ONNX files need it. Every function returns one encoded field. */

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** Unsigned; arithmetic instead of shifts, since lengths pass 2^31. */
function encodeVarint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return bytes;
}

/** Ten bytes; numbers beyond 64 bits take the nearest that has them. */
function encodeSigned(value: number): number[] {
  const bytes: number[] = [];
  const nearest = value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value);
  let rest = BigInt.asUintN(64, nearest);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) + 128);
  bytes.push(Number(rest));
  return bytes;
}

/** An int32, int64 or enum field. */
export function integer(field: number, value: number): Buffer {
  const isPlain = value >= 0 && Number.isSafeInteger(value);
  const encoded = isPlain ? encodeVarint(value) : encodeSigned(value);
  return Buffer.from([...encodeVarint(field * 8 + VARINT), ...encoded]);
}

export function float(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([Buffer.from(encodeVarint(field * 8 + FIXED_32)), bytes]);
}

/** The start of a string, bytes or message field whose `length` bytes follow. */
export function prefix(field: number, length: number): Buffer {
  return Buffer.from([...encodeVarint(field * 8 + LENGTH_DELIMITED), ...encodeVarint(length)]);
}

export function text(field: number, value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([prefix(field, bytes.length), bytes]);
}

export function message(field: number, parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([prefix(field, length), ...parts]);
}
