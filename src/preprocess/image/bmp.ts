import { ClipError } from '../../errors.ts';
import type { BmpPixels } from '../../native/addon.ts';
import type { Header } from './header.ts';
import { paletteOf } from './palette.ts';

const OS2_HEADER = 12;
const HEADERS = [OS2_HEADER, 40, 64, 108, 124];
const FILE_HEADER = 14;

interface Info {
  readonly headerSize: number;
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** Entries of the palette. */
  readonly colours: number;
}

/** Pixels by bit depth where the file uses no compression. */
const PLAIN: Readonly<Record<number, BmpPixels>> = {
  1: 'index1',
  4: 'index4',
  8: 'index8',
  16: 'BGR15',
  24: 'BGR24',
  32: 'BGRX',
};

/** Bit depth and masks (red, green, blue, alpha) of compression 3 → pixels. */
const MASKED: Readonly<Record<string, BmpPixels>> = {
  '32:ff0000,ff00,ff,0': 'BGRX',
  '32:ff000000,ff0000,ff00,0': 'XBGR',
  '32:ff000000,ff0000,ff00,ff': 'ABGR',
  '32:ff,ff00,ff0000,ff000000': 'RGBA',
  '32:ff0000,ff00,ff,ff000000': 'BGRA',
  '32:0,0,0,0': 'BGRA',
  '24:ff0000,ff00,ff': 'BGR24',
  '16:f800,7e0,1f': 'BGR16',
  '16:7c00,3e0,1f': 'BGR15',
};

/** Reads the file and information headers and the palette: every kind that Pillow 10.1 reads, and nothing else. */
export function readBmp(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const info = readInfo(view);
  const { width, height, topDown, bits, headerSize } = info;
  const pixels = pixelsOf(view, info);
  const paletteAt = FILE_HEADER + headerSize + (info.compression === 3 && headerSize === 40 ? 12 : 0);
  const offset = pixelOffset(view, info, paletteAt);
  const job = { offset, width, height, topDown, pixels };
  if (bits > 8) {
    const mode = pixels.includes('A') ? 'RGBA' : 'RGB';
    return { width, height, mode, source: { by: 'bmp', job } };
  }
  const step = headerSize === OS2_HEADER ? 3 : 4;
  const palette = paletteOf(bytes.subarray(paletteAt, paletteAt + step * info.colours), step, 'BGR');
  return { width, height, ...indexedMode(info, palette, job) };
}

function readInfo(view: DataView): Info {
  const headerSize = view.getUint32(FILE_HEADER, true);
  if (!HEADERS.includes(headerSize))
    throw new ClipError(
      'unsupported_image',
      `bmp: a header of ${HEADERS.join(', ')} bytes expected, got ${headerSize}`,
    );
  if (headerSize === OS2_HEADER) {
    const bits = view.getUint16(24, true);
    const [width, height] = [view.getUint16(18, true), view.getUint16(20, true)];
    return { headerSize, width, height, topDown: false, bits, compression: 0, colours: 2 ** bits };
  }
  const topDown = view.getUint8(25) === 0xff;
  const height = topDown ? 2 ** 32 - view.getUint32(22, true) : view.getUint32(22, true);
  const bits = view.getUint16(28, true);
  const colours = view.getUint32(46, true) || 2 ** bits;
  return {
    headerSize,
    width: view.getUint32(18, true),
    height,
    topDown,
    bits,
    compression: view.getUint32(30, true),
    colours,
  };
}

function pixelsOf(view: DataView, info: Info): BmpPixels {
  const { bits, compression } = info;
  const found =
    compression === 0
      ? PLAIN[bits]
      : compression === 1 && bits === 8
        ? 'rle8'
        : compression === 2 && bits === 4
          ? 'rle4'
          : compression === 3
            ? MASKED[`${bits}:${masks(view, info)}`]
            : undefined;
  if (!found)
    throw new ClipError(
      'unsupported_image',
      `bmp: 1, 4, 8, 16, 24 or 32 bits, plain, RLE or common bit masks expected, got ${bits} bits, compression ${compression}`,
    );
  return found;
}

/** Headers of 52 bytes and more hold the masks; after one of 40 follow three. Both lie at byte 54 of the file. */
function masks(view: DataView, { headerSize, bits }: Info): string {
  const found = [54, 58, 62].map((at) => view.getUint32(at, true).toString(16));
  if (bits === 32) found.push(headerSize === 40 ? '0' : view.getUint32(66, true).toString(16));
  return found.join();
}

/** Pillow corrects files whose pixels would lie on their palette, and takes 0 for "after the palette". */
function pixelOffset(view: DataView, info: Info, paletteAt: number): number {
  const given = view.getUint32(10, true);
  const step = info.headerSize === OS2_HEADER ? 3 : 4;
  if (given === FILE_HEADER + info.headerSize && info.bits <= 8) return given + 4 * info.colours;
  return given || paletteAt + (info.bits <= 8 ? step * info.colours : 0);
}

/** A palette of black and white, or of all greys in order, makes Pillow hold a 1-bit or a grey picture. */
function indexedMode(
  info: Info,
  palette: Uint8Array,
  job: BmpSource['job'],
): Pick<Header, 'mode' | 'source'> {
  const { colours, bits } = info;
  if (colours < 1 || colours > 256)
    throw new ClipError('unsupported_image', `bmp: a palette of 1 to 256 colours expected, got ${colours}`);
  const greys = colours === 2 ? [0, 255] : Array.from({ length: colours }, (_, i) => i);
  const isGrey = greys.every((grey, i) =>
    palette.subarray(i * 3, i * 3 + 3).every((value) => value === grey),
  );
  const source: BmpSource = { by: 'bmp', job, palette };
  if (!isGrey || (colours === 2 && bits === 1)) return { mode: 'P', source };
  if (bits === 8 && colours !== 2) return { mode: 'L', source: { by: 'bmp', job } };
  // Pillow then reads the indices at the depth of the grey mode, which is not that of the file.
  throw new ClipError(
    'unsupported_image',
    `bmp: indices of 1 or 8 bits expected with a grey palette, got ${bits} bits and ${colours} colours`,
  );
}

type BmpSource = Extract<Header['source'], { by: 'bmp' }>;
