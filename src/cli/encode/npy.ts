/** Of the header: it is written again with the final count, in the same bytes. */
export const NPY_HEADER_BYTES = 128;

/**
 * The header of a NumPy file, format 1.0: float32 [rows, width], little-endian, C order.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function npyHeader(rows: number, width: number): Buffer {
  const described = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${width}), }`;
  const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 0, 0]);
  prefix.writeUInt16LE(NPY_HEADER_BYTES - prefix.length, prefix.length - 2);
  const room = NPY_HEADER_BYTES - prefix.length - 1;
  return Buffer.concat([prefix, Buffer.from(`${described.padEnd(room)}\n`, 'latin1')]);
}

export function npyRow(vector: Float32Array): Buffer {
  const row = Buffer.allocUnsafe(vector.length * 4);
  for (let i = 0; i < vector.length; i += 1) row.writeFloatLE(vector[i]!, i * 4);
  return row;
}
