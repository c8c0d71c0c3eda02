import { ClipError } from '../../errors.ts';

/** Bytes of one element of the types that are kept as variable-length integers. */
const WIDTHS: Readonly<Record<string, number>> = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  float16: 2,
  bfloat16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
};

/**
 * Elements kept as variable-length integers (`int32_data`, `int64_data`, `uint64_data`) as the little-endian bytes that
 * raw_data would hold. Throws `model_invalid` unless they are exactly `length` bytes.
 */
export function unpackVarints(packed: Uint8Array, type: string, length: number): Uint8Array {
  const width = WIDTHS[type] ?? 0;
  const wrong = () =>
    new ClipError(
      'model_invalid',
      `expected ${length} bytes of ${type} in ${packed.length} bytes of integers`,
    );
  // Each takes a byte at least.
  if (width === 0 || length > packed.length * width) throw wrong();
  const unpacked = Buffer.alloc(length);
  let written = 0;
  for (let at = 0; at < packed.length; written += width) {
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = packed[at++];
      if (byte === undefined || shift > 63 || written >= length) throw wrong();
      const bits = byte & 0x7f;
      if (shift < 32) low |= bits << shift;
      if (shift === 28) high = bits >> 4;
      else if (shift > 28) high |= bits << (shift - 32);
      if (byte < 0x80) break;
    }
    unpacked.writeUIntLE((low >>> 0) % 256 ** Math.min(width, 4), written, Math.min(width, 4));
    if (width === 8) unpacked.writeInt32LE(high | 0, written + 4);
  }
  if (written !== length) throw wrong();
  return unpacked;
}
