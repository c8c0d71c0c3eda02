import type { Vectors, VectorType } from '../../client/node.ts';
import { writeHalves } from '../../float16.ts';

/** Of the header: it is written again with the final count, in the same bytes. */
export const NPY_HEADER_BYTES = 128;

const NUMBERS: Readonly<Record<VectorType, { readonly descr: string; readonly bytes: number }>> = {
  float32: { descr: '<f4', bytes: 4 },
  float16: { descr: '<f2', bytes: 2 },
  int8: { descr: '|i1', bytes: 1 },
  uint8: { descr: '|u1', bytes: 1 },
  binary: { descr: '|i1', bytes: 1 },
  ubinary: { descr: '|u1', bytes: 1 },
};

/**
 * The header of a NumPy file, format 1.0: [rows, width], little-endian, C order.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function npyHeader(type: VectorType, rows: number, width: number): Buffer {
  const { descr } = NUMBERS[type];
  const described = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${rows}, ${width}), }`;
  const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 0, 0]);
  prefix.writeUInt16LE(NPY_HEADER_BYTES - prefix.length, prefix.length - 2);
  const room = NPY_HEADER_BYTES - prefix.length - 1;
  return Buffer.concat([prefix, Buffer.from(`${described.padEnd(room)}\n`, 'latin1')]);
}

export function npyRowBytes(type: VectorType, width: number): number {
  return NUMBERS[type].bytes * width;
}

/** A copy. float16: its numbers are of half precision already. */
export function npyRow(type: VectorType, vector: Vectors[VectorType]): Buffer {
  const numbers = type === 'float16' ? halvesOf(vector as Float32Array) : vector.slice();
  return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

function halvesOf(vector: Float32Array): Uint16Array {
  const halves = new Uint16Array(vector.length);
  writeHalves(vector, halves, 0);
  return halves;
}
