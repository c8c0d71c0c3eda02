import { ClipError } from '../../errors.ts';
import type { Header } from './header.ts';
import { isGreyRamp, paletteOf } from './palette.ts';

const EXTENSION = 0x21;
const IMAGE = 0x2c;
const TRAILER = 0x3b;
const GRAPHIC_CONTROL = 0xf9;

/** Reads the screen, the extensions and the first frame's descriptor. Bytes between blocks are passed over, as in Pillow. */
export function readGif(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(10);
  const globalColours = colours(flags);
  let palette = bytes.subarray(13, 13 + globalColours * 3);
  let transparent = 0;
  for (let at = 13 + globalColours * 3; ; ) {
    const kind = view.getUint8(at++);
    if (kind === TRAILER) throw new ClipError('invalid_image', 'gif: a frame expected, got none');
    if (kind === EXTENSION) {
      const isControl = view.getUint8(at) === GRAPHIC_CONTROL && view.getUint8(at + 1) >= 4;
      if (isControl && view.getUint8(at + 2) & 1) transparent = view.getUint8(at + 5);
      for (at += 1; view.getUint8(at) !== 0; ) at += 1 + view.getUint8(at);
      at++;
    } else if (kind === IMAGE) {
      const localColours = colours(view.getUint8(at + 8));
      if (localColours) palette = bytes.subarray(at + 9, at + 9 + localColours * 3);
      return frameHeader(view, at, at + 9 + localColours * 3, palette, transparent);
    }
  }
}

const colours = (flags: number) => (flags & 0x80 ? 2 << (flags & 7) : 0);

/** Pillow enlarges the screen to the frame, and fills what the frame leaves with the transparent colour, or the first. */
function frameHeader(
  view: DataView,
  at: number,
  data: number,
  colourBytes: Uint8Array,
  fill: number,
): Header {
  const [left, top, frameWidth, frameHeight] = [0, 2, 4, 6].map((i) => view.getUint16(at + i, true)) as [
    number,
    number,
    number,
    number,
  ];
  if (frameWidth < 1 || frameHeight < 1)
    throw new ClipError(
      'invalid_image',
      `gif: a frame of at least 1x1 pixels expected, got ${frameWidth}x${frameHeight}`,
    );
  const codeBits = view.getUint8(data);
  if (codeBits > 8)
    throw new ClipError('invalid_image', `gif: a code size of up to 8 bits expected, got ${codeBits}`);
  const width = Math.max(view.getUint16(6, true), left + frameWidth);
  const height = Math.max(view.getUint16(8, true), top + frameHeight);
  const interlaced = (view.getUint8(at + 8) & 0x40) !== 0;
  const offset = data + 1;
  const job = { offset, codeBits, width, height, left, top, frameWidth, frameHeight, interlaced, fill };
  // A palette that maps every index to its own grey makes it a grey picture, which is resized smoothly.
  if (isGreyRamp(colourBytes)) return { width, height, mode: 'L', source: { by: 'gif', job } };
  return { width, height, mode: 'P', source: { by: 'gif', job, palette: paletteOf(colourBytes, 3, 'RGB') } };
}
