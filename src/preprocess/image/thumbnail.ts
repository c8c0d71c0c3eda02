import sharp from 'sharp';
import { ClipError } from '../../errors.ts';
import { loadAddon } from '../../native/addon.ts';
import { DECODE_SECONDS, decode, prepareSharp } from './decode.ts';
import { readHeader } from './header.ts';

const QUALITY = 80;

/**
 * A small WebP for people to look at: turned as EXIF says, the whole picture within side × side pixels; of a BMP, which sharp does not
 * read, the middle square.
 *
 * @throws ClipError unsupported_image, invalid_image, image_too_large
 */
export async function thumbnail(bytes: Uint8Array, side: number, mostPixels: number): Promise<Buffer> {
  prepareSharp();
  const header = readHeader(bytes);
  const { width, height } = header;
  if (width * height > mostPixels)
    throw new ClipError('image_too_large', `up to ${mostPixels} pixels expected, got ${width}x${height}`);
  if (header.source.by === 'bmp') {
    const addon = loadAddon();
    const pixels = await decode(bytes, header, addon);
    const square = await addon.resizeCrop({ ...pixels, width, height, resolution: side });
    return sharp(square, { raw: { width: side, height: side, channels: 3 } })
      .webp({ quality: QUALITY })
      .toBuffer();
  }
  const image = sharp(bytes, { limitInputPixels: width * height, failOn: 'none' });
  return image
    .timeout({ seconds: DECODE_SECONDS })
    .autoOrient()
    .resize(side, side, { fit: 'inside', withoutEnlargement: true })
    .webp({ quality: QUALITY })
    .toBuffer();
}
