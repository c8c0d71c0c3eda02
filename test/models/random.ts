import { createHash } from 'node:crypto';

const BLOCK = 2 ** 20;
const SPAN = 2 ** 14;

/** A stream of 32-bit integers that depends on `key` alone. The algorithm is sfc32. */
export function randomIntegers(key: string): () => number {
  const digest = createHash('sha256').update(key).digest();
  let a = digest.readInt32LE(0);
  let b = digest.readInt32LE(4);
  let c = digest.readInt32LE(8);
  let counter = 1;
  return () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
}

let block: Float32Array | undefined;

/** Standard normal numbers by Box and Muller's rule, the same in every process. */
function gaussianBlock(): Float32Array {
  if (block) return block;
  const random = randomIntegers('gaussian block');
  block = new Float32Array(BLOCK);
  for (let i = 0; i < BLOCK; i += 2) {
    const radius = Math.sqrt(-2 * Math.log((random() + 1) / 2 ** 32));
    const angle = (2 * Math.PI * random()) / 2 ** 32;
    block[i] = radius * Math.cos(angle);
    block[i + 1] = radius * Math.sin(angle);
  }
  return block;
}

/**
 * A function that fills buffers with N(mean, std²), going on where the last call ended; buffers must be multiples of
 * 2^14 long, the last one excepted. Numbers are cut from one block at random places with random signs, which is ten
 * times faster than drawing each.
 */
export function gaussianFill(key: string, mean: number, std: number): (target: Float32Array) => void {
  const random = randomIntegers(key);
  const source = gaussianBlock();
  return (target) => {
    for (let start = 0; start < target.length; start += SPAN) {
      const end = Math.min(start + SPAN, target.length);
      const draw = random();
      const shift = ((draw >>> 1) % (BLOCK - SPAN)) - start;
      const scale = draw & 1 ? std : -std;
      for (let i = start; i < end; i++) target[i] = mean + scale * source[i + shift]!;
    }
  };
}
