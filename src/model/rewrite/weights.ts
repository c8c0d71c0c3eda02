import { open } from 'node:fs/promises';
import { isAbsolute, relative, sep } from 'node:path';
import { ClipError } from '../../errors.ts';
import type { Place } from '../architecture/architecture.ts';
import type { WrittenTensor } from '../onnx/write.ts';
import type { WantedWeight } from './draft.ts';
import { encodeFloats, firstBeyond, floatBytes } from './floats.ts';

/** Elements begin at multiples of this, in bytes: a cache line, which vector instructions like. */
const ALIGNMENT = 64;

/** Where the graph finds a weight: in a file that exists, or in the one that is to be written. */
export interface Located {
  readonly wanted: WantedWeight;
  readonly place: Place;
  readonly isComputed: boolean;
}

/**
 * Weights whose bytes lie as the graph wants them in a file in `folder` or below stay there: an ONNX file names its data
 * relative to itself. The others follow one another in `dataPath`.
 */
export function locateWeights(wanted: Iterable<WantedWeight>, folder: string, dataPath: string): Located[] {
  let offset = 0;
  return Array.from(wanted, (each) => {
    const { place } = each.weight;
    if (place && each.weight.type === each.type && isBelow(folder, place.path))
      return { wanted: each, place, isComputed: false };
    const length = floatBytes(each.type) * each.dims.reduce((product, dim) => product * dim, 1);
    const computed = { path: dataPath, offset, length };
    offset += Math.ceil(length / ALIGNMENT) * ALIGNMENT;
    return { wanted: each, place: computed, isComputed: true };
  });
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && !way.split(sep).includes('..') && !isAbsolute(way);
}

export function writtenTensor({ wanted: { name, type, dims }, place }: Located): WrittenTensor {
  return { name, type, dims, content: place };
}

/**
 * Writes the computed weights to `path`, one at a time, so that memory holds no more than the largest twice.
 *
 * @throws ClipError model_invalid where a weight is not finite, or too large for 16 bits
 */
export async function writeWeights(
  path: string,
  located: readonly Located[],
  signal: AbortSignal,
): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for (const { wanted, place, isComputed } of located) {
      signal.throwIfAborted();
      if (isComputed) await file.write(await encode(wanted), 0, place.length, place.offset);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

async function encode({ name, weight, type, dims }: WantedWeight): Promise<Uint8Array> {
  const values = await weight.read();
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (values.length !== count)
    throw new ClipError(
      'model_invalid',
      `${name}: expected ${count} numbers [${dims.join(', ')}], got ${values.length}`,
    );
  const beyond = firstBeyond(values, type);
  if (beyond >= 0) {
    throw new ClipError(
      'model_invalid',
      `${name}: expected numbers that ${type} can hold, got ${values[beyond]} at element ${beyond}` +
        (Number.isFinite(values[beyond]) ? '; choose fp32 or bf16 for this model' : ''),
    );
  }
  return encodeFloats(values, type);
}
