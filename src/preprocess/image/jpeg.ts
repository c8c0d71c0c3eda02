import { ClipError } from '../../errors.ts';
import type { PixelMode } from '../../native/addon.ts';
import type { Header } from './header.ts';

const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
/** SOF0–SOF15 without DHT (C4), JPG (C8) and DAC (CC). */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
/** Markers that stand alone: TEM, RSTn, SOI. */
const hasNoLength = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/** Four components are CMYK, inverted as Adobe stores it: Pillow and libvips both take it so without looking for a marker. */
const MODES: Readonly<Record<number, PixelMode>> = { 1: 'L', 3: 'RGB', 4: 'CMYK' };

/** Walks the segments up to the first scan (ITU-T T.81, annex B). */
export function readJpeg(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frame: { width: number; height: number; mode: PixelMode } | undefined;
  for (let at = 2; ; ) {
    if (view.getUint8(at) !== 0xff) {
      at++;
      continue;
    }
    const marker = view.getUint8(at + 1);
    if (marker === 0xff || marker === 0 || hasNoLength(marker)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    if (marker === START_OF_SCAN || marker === END_OF_IMAGE) break;
    const length = view.getUint16(at + 2);
    if (length < 2)
      throw new ClipError('invalid_image', `jpeg: a segment of at least 2 bytes expected, got ${length}`);
    if (isFrame(marker)) frame = readFrame(view, at + 4);
    at += 2 + length;
  }
  if (!frame)
    throw new ClipError('invalid_image', 'jpeg: a frame header expected before the first scan, got none');
  return { ...frame, source: { by: 'sharp', format: 'jpeg' } };
}

function readFrame(view: DataView, at: number) {
  const precision = view.getUint8(at);
  const components = view.getUint8(at + 5);
  const mode = MODES[components];
  if (precision !== 8 || !mode)
    throw new ClipError(
      'unsupported_image',
      `jpeg: 1, 3 or 4 components of 8 bits expected, got ${components} of ${precision}`,
    );
  return { height: view.getUint16(at + 1), width: view.getUint16(at + 3), mode };
}
