import { ClipError } from '../../errors.ts';
import type { BmpJob, GifJob, PixelMode } from '../../native/addon.ts';
import { readAvif } from './avif.ts';
import { readBmp } from './bmp.ts';
import { readGif } from './gif.ts';
import { readJpeg } from './jpeg.ts';
import { readPng } from './png.ts';
import { type Format, sniff } from './sniff.ts';
import { readTiff } from './tiff.ts';
import { readWebp } from './webp.ts';

/** What the first bytes of a file say about the picture in it. Sizes in pixels. */
export interface Header {
  readonly width: number;
  readonly height: number;
  /** How Pillow would hold the picture. */
  readonly mode: PixelMode;
  /** Format-specific facts for the decoder. */
  readonly source: Source;
}

export type Source =
  | {
      readonly by: 'sharp';
      readonly format: Exclude<Format, 'bmp' | 'gif'>;
      readonly orient?: boolean;
    }
  | { readonly by: 'bmp'; readonly job: Omit<BmpJob, 'data'>; readonly palette?: Uint8Array }
  | { readonly by: 'gif'; readonly job: Omit<GifJob, 'data'>; readonly palette?: Uint8Array };

const READERS: Record<Format, (bytes: Uint8Array) => Header> = {
  jpeg: readJpeg,
  png: readPng,
  webp: readWebp,
  gif: readGif,
  tiff: readTiff,
  avif: readAvif,
  bmp: readBmp,
};

/**
 * Reads format, size and mode without decoding.
 * @throws ClipError unsupported_image for formats and kinds that are not accepted; invalid_image for a broken header
 */
export function readHeader(bytes: Uint8Array): Header {
  const format = sniff(bytes);
  const header = readWithin(format, bytes);
  if (header.width < 1 || header.height < 1)
    throw new ClipError(
      'invalid_image',
      `${format}: a picture of at least 1x1 pixels expected, got ${header.width}x${header.height}`,
    );
  return header;
}

/** Reading past the end of the bytes is a RangeError of DataView. */
function readWithin(format: Format, bytes: Uint8Array): Header {
  try {
    return READERS[format](bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ClipError(
      'invalid_image',
      `${format}: the file ends inside its header, after ${bytes.length} bytes`,
      { cause: error },
    );
  }
}
