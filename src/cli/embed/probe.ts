/** A text whose vector tells which model answers. */
export const PROBE_TEXT = 'a photo of a cat';

/** Side of the picture in pixels; a row of 24 bits a pixel then fills whole words, as the format asks. */
const SIDE = 64;
const HEADER_BYTES = 54;

/** A picture whose vector tells which model answers: slopes of red and green, and a pattern in blue, as BMP. */
export function probePicture(): Uint8Array {
  const file = Buffer.alloc(HEADER_BYTES + SIDE * SIDE * 3);
  file.write('BM');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(HEADER_BYTES, 10);
  file.writeUInt32LE(HEADER_BYTES - 14, 14);
  file.writeInt32LE(SIDE, 18);
  file.writeInt32LE(SIDE, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  for (let y = 0, at = HEADER_BYTES; y < SIDE; y += 1)
    for (let x = 0; x < SIDE; x += 1, at += 3) file.set([(x ^ y) * 4, y * 4, x * 4], at);
  return file;
}

/** Cosine below which two vectors of one thing are of two models; precisions of one model differ less. */
const SAME_MODEL = 0.999;

/** Whether two vectors of one text, or of one picture, come from one model. */
export function areOfOneModel(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  let [product, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    product += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return product / Math.sqrt(aa * bb) >= SAME_MODEL;
}
