import { ClipError } from '../../errors.ts';
import type { PixelMode } from '../../native/addon.ts';
import type { Header } from './header.ts';

/** Bit depth and colour type → Pillow's mode. 16 bits of anything but grey are cut to the high byte on load.
 * Grey with alpha is taken as colour with alpha, which comes to the same bytes. */
const MODES: Readonly<Record<string, PixelMode>> = {
  '1,0': 'nearest-L',
  '2,0': 'L',
  '4,0': 'L',
  '8,0': 'L',
  '16,0': 'I',
  '8,2': 'RGB',
  '16,2': 'RGB',
  '1,3': 'nearest-RGB',
  '2,3': 'nearest-RGB',
  '4,3': 'nearest-RGB',
  '8,3': 'nearest-RGB',
  '8,4': 'RGBA',
  '16,4': 'RGBA',
  '8,6': 'RGBA',
  '16,6': 'RGBA',
};

/** Reads IHDR, and walks the chunks up to the pixels. */
export function readPng(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (chunkName(view, 8) !== 'IHDR' || view.getUint32(8) !== 13)
    throw new ClipError(
      'invalid_image',
      `png: IHDR of 13 bytes expected, got ${chunkName(view, 8)} of ${view.getUint32(8)}`,
    );
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  const depth = view.getUint8(24);
  const colour = view.getUint8(25);
  const mode = MODES[`${depth},${colour}`];
  if (!mode)
    throw new ClipError(
      'invalid_image',
      `png: a bit depth and colour type of the standard expected, got ${depth} and ${colour}`,
    );
  checkFirstFrame(view, width, height);
  return { width, height, mode, source: { by: 'sharp', format: 'png' } };
}

/** An animation's first frame has to be the whole picture: decoders differ on what the pixels mean otherwise. */
function checkFirstFrame(view: DataView, width: number, height: number): void {
  for (let at = 33; chunkName(view, at) !== 'IDAT'; at += 12 + view.getUint32(at)) {
    if (chunkName(view, at) === 'IEND')
      throw new ClipError('invalid_image', 'png: pixels expected, got none');
    if (chunkName(view, at) !== 'fcTL') continue;
    const frame = [
      view.getUint32(at + 12),
      view.getUint32(at + 16),
      view.getUint32(at + 20),
      view.getUint32(at + 24),
    ];
    if (frame.join() !== [width, height, 0, 0].join())
      throw new ClipError(
        'invalid_image',
        `png: a first frame of ${width}x${height} at 0,0 expected, got ${frame[0]}x${frame[1]} at ${frame[2]},${frame[3]}`,
      );
  }
}

function chunkName(view: DataView, at: number): string {
  return String.fromCharCode(...[4, 5, 6, 7].map((i) => view.getUint8(at + i)));
}
