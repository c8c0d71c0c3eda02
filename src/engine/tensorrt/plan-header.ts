/** Bytes with which each plan begins. */
export const HEADER_BYTES = 28;
const TAG = 0x74727466;
/** Major, minor, patch and build of the library that wrote it, a byte each. */
const VERSION_AT = 24;

/**
 * Why these first bytes are not those of a plan of this TensorRT (`10.15.1.29`), as a clause; undefined where they are. The layout
 * was observed in TensorRT 10 and is not promised: it spares the library plans that it would refuse, and proves nothing.
 */
export function headerFault(head: Uint8Array, tensorrt: string): string | undefined {
  if (head.length < HEADER_BYTES)
    return `expected a plan's header of ${HEADER_BYTES} bytes, got ${head.length}`;
  const tag = new DataView(head.buffer, head.byteOffset).getUint32(0, true);
  if (tag !== TAG) return `expected a plan's tag 0x${TAG.toString(16)}, got 0x${tag.toString(16)}`;
  const written = [...head.subarray(VERSION_AT, HEADER_BYTES)].join('.');
  const expected = tensorrt
    .split('.')
    .map((part) => Number(part) & 0xff)
    .join('.');
  return written === expected ? undefined : `expected a plan of TensorRT ${expected}, got one of ${written}`;
}
