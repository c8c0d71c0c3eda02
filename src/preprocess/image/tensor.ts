import { ClipError } from '../../errors.ts';
import type { PixelMode } from '../../native/addon.ts';

/** A picture as numbers, [H, W], [H, W, 1], [H, W, 3] or [H, W, 4], row-major; singleton axes are dropped. */
export interface Tensor {
  readonly shape: readonly number[];
  /** Cast to uint8 as NumPy does (wraps, fractions cut). */
  readonly data: Uint8Array | Float32Array | Float64Array | Int32Array;
}

/** A tensor as a picture. */
export interface TensorPicture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly mode: PixelMode;
}

/** Four channels lose the fourth before anything else, unlike a picture with alpha. */
const MODES: Readonly<Record<number, PixelMode>> = { 1: 'L', 3: 'RGB', 4: 'RGBX' };

/**
 * Size and mode of a tensor, after `numpy.squeeze`: two axes are grey, three are RGB or RGB with one channel too many.
 * @throws ClipError invalid_tensor
 */
export function tensorPicture({ shape, data }: Tensor): TensorPicture {
  const bad = (what: string) => new ClipError('invalid_tensor', `${what}, got [${shape.join(', ')}]`);
  if (!shape.every((length) => Number.isSafeInteger(length) && length > 0))
    throw bad('a shape of positive integers expected');
  const count = shape.reduce((product, length) => product * length, 1);
  if (count !== data.length) throw bad(`a shape that holds the ${data.length} values sent expected`);
  const axes = shape.filter((length) => length !== 1);
  const [height, width, channels = 1] = axes;
  const mode = MODES[channels];
  if (
    height === undefined ||
    width === undefined ||
    axes.length > 3 ||
    (axes.length === 3 && channels === 1) ||
    !mode
  )
    throw bad('a shape [H, W], [H, W, 3] or [H, W, 4] without axes of 1 expected');
  return { data: data instanceof Uint8Array ? data : new Uint8Array(data), width, height, mode };
}
