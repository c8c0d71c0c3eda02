import sharp, { type Sharp, type SharpOptions } from 'sharp';
import { ClipError } from '../../errors.ts';
import type { Addon, PixelMode } from '../../native/addon.ts';
import type { Header, Source } from './header.ts';

/** Decoded pixels, ready for `Addon.resizeCrop`. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly mode: PixelMode;
  readonly palette?: Uint8Array | undefined;
}

export const DECODE_SECONDS = 5;

/** libvips decodes smaller pictures faster in one go, larger ones with less memory row by row. */
const ROW_BY_ROW_PIXELS = 4_000_000;

const FAIL_ON = { jpeg: 'truncated', png: 'error', webp: 'error', avif: 'error', tiff: 'error' } as const;

const BYTES_PER_PIXEL: Readonly<Record<PixelMode, number>> = {
  L: 1,
  RGB: 3,
  RGBA: 4,
  RGBX: 4,
  CMYK: 4,
  I: 2,
  P: 1,
  'nearest-L': 1,
  'nearest-RGB': 3,
};

/** Keeps sharp from holding decoded pictures, and from starting threads of its own beside libuv's. */
export function prepareSharp(): void {
  sharp.cache(false);
  sharp.concurrency(1);
}

/**
 * Decodes the first frame as Pillow would hold it: no colour management, no turning by EXIF.
 * @throws ClipError invalid_image where the bytes are broken, cut short, or take longer than the bound
 */
export async function decode(bytes: Uint8Array, header: Header, addon: Addon): Promise<Pixels> {
  const { source, mode } = header;
  try {
    if (source.by === 'bmp')
      return { data: await addon.unpackBmp({ ...source.job, data: bytes }), mode, palette: source.palette };
    if (source.by === 'gif')
      return { data: await addon.unpackGif({ ...source.job, data: bytes }), mode, palette: source.palette };
    return { data: await decodeBySharp(bytes, header, source), mode };
  } catch (error) {
    if (error instanceof ClipError) throw error;
    throw new ClipError('invalid_image', `the image cannot be decoded: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * Decodes and crops a JPEG of the common kinds in one job. Undefined for any other file, and for one that is broken: what
 * becomes of those is for `decode` to say.
 */
export async function cropJpeg(
  bytes: Uint8Array,
  header: Header,
  addon: Addon,
  resolution: number,
): Promise<Uint8Array | undefined> {
  const { width, height, mode, source } = header;
  if (source.by !== 'sharp' || source.format !== 'jpeg' || addon.jpeg.by !== 'libjpeg-turbo') return;
  if (mode !== 'L' && mode !== 'RGB') return;
  return addon.jpeg.decodeResizeCrop({ data: bytes, width, height, mode, resolution });
}

type SharpSource = Extract<Source, { by: 'sharp' }>;

async function decodeBySharp(bytes: Uint8Array, header: Header, source: SharpSource): Promise<Uint8Array> {
  const { width, height, mode } = header;
  const options: SharpOptions = {
    ignoreIcc: true,
    // Pillow forgives what libjpeg and libpng only warn of; a file that ends early fails in both.
    failOn: FAIL_ON[source.format],
    limitInputPixels: width * height,
    sequentialRead: width * height > ROW_BY_ROW_PIXELS,
  };
  const image = asMode(sharp(bytes, options).timeout({ seconds: DECODE_SECONDS }), mode, source);
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  if (
    info.width !== width ||
    info.height !== height ||
    data.length !== width * height * BYTES_PER_PIXEL[mode]
  )
    throw new ClipError(
      'invalid_image',
      `${source.format}: ${width}x${height} pixels of ${BYTES_PER_PIXEL[mode]} bytes expected by the header, ` +
        `got ${info.width}x${info.height} and ${data.length} bytes`,
    );
  return data;
}

function asMode(image: Sharp, mode: PixelMode, source: SharpSource): Sharp {
  if (source.orient) image.autoOrient();
  switch (mode) {
    case 'L':
    case 'nearest-L':
      return (source.format === 'jpeg' ? image : image.removeAlpha()).toColourspace('b-w').raw();
    case 'I':
      return image.removeAlpha().toColourspace('grey16').raw({ depth: 'ushort' });
    case 'CMYK':
      return image.pipelineColourspace('cmyk').toColourspace('cmyk').raw();
    case 'RGBA':
      return image.ensureAlpha().raw();
    case 'RGB':
    case 'nearest-RGB':
      return (source.format === 'jpeg' ? image : image.removeAlpha()).raw();
    default:
      return image.raw();
  }
}
