import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

export const FILES = join(import.meta.dirname, 'goldens/files');

export const file = (name: string) => readFileSync(join(FILES, name));
const bytes = (...parts: (string | number[] | Uint8Array)[]) =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  );

function pngChunk(name: string, data: Uint8Array): Buffer {
  const body = bytes(name, data);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return bytes(frame.subarray(0, 4), body, frame.subarray(4));
}

function png(
  width: number,
  height: number,
  depth: number,
  colour: number,
  pixels: Uint8Array,
  before: Uint8Array = Buffer.alloc(0),
) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colour, 0, 0, 0], 8);
  const idat = pngChunk('IDAT', deflateSync(pixels));
  return bytes(
    '\x89PNG\r\n\x1a\n',
    pngChunk('IHDR', header),
    before,
    idat,
    pngChunk('IEND', Buffer.alloc(0)),
  );
}

function at(data: Uint8Array, position: number, ...values: number[]): Buffer {
  const copy = Buffer.from(data);
  copy.set(values, position);
  return copy;
}

/** A segment that Pillow and we walk over, then the frame header with other sizes. */
function jpegOfSize(name: string, width: number, height: number): Buffer {
  const data = file(name);
  const frame = data.findIndex((value, i) => value === 0xff && [0xc0, 0xc2].includes(data[i + 1]!));
  return at(data, frame + 5, height >> 8, height & 255, width >> 8, width & 255);
}

const rows = (width: number, height: number) => Buffer.alloc(height * (width * 3 + 1), 0);
const word = (value: number) => [value & 255, value >> 8];

/** Name, what must become of it (`crop`, or the code of the refusal), and the file. */
export const HOSTILE: ReadonlyArray<readonly [string, string, () => Uint8Array | Promise<Uint8Array>]> = [
  ['nothing', 'invalid_image', () => bytes()],
  ['one byte', 'unsupported_image', () => bytes([7])],
  ['text', 'unsupported_image', () => bytes('hello world')],
  ['SVG', 'unsupported_image', () => bytes('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
  ['SVG after a declaration', 'unsupported_image', () => bytes('  <?xml version="1.0"?><svg/>')],
  ['PDF', 'unsupported_image', () => bytes('%PDF-1.7\n')],
  ['HEIC', 'unsupported_image', () => bytes('\0\0\0\x18ftypheic\0\0\0\0mif1heic')],
  ['JPEG 2000', 'unsupported_image', () => bytes('\0\0\0\x0cjP  \r\n\x87\n')],
  ['JPEG XL', 'unsupported_image', () => bytes('\xff\x0a\x00\x00')],
  ['ICO', 'unsupported_image', () => bytes('\0\0\x01\0\x01\0')],
  ['BigTIFF', 'unsupported_image', () => bytes('II+\0\x08\0\0\0')],
  ['PPM', 'unsupported_image', () => bytes('P6 1 1 255 abc')],
  ['ZIP', 'unsupported_image', () => bytes('PK\x03\x04')],
  ['JPEG and ZIP in one', 'crop', () => file('jpeg-trailing-bytes.jpg')],
  ['a JPEG 65,500 wide and 1 high', 'crop', () => wide().jpeg().toBuffer()],
  ['a PNG 1 wide and 65,500 high', 'crop', () => wide().rotate(90).png().toBuffer()],
  ['a PNG of 30,000² in a few bytes', 'image_too_large', () => png(30_000, 30_000, 8, 2, rows(1, 1))],
  ['a PNG of 2^31-1 pixels a side', 'image_too_large', () => png(2 ** 31 - 1, 2 ** 31 - 1, 8, 2, rows(1, 1))],
  ['a PNG too narrow', 'image_too_large', () => narrow()],
  [
    'a progressive JPEG of 100 Mpx',
    'image_too_large',
    () => jpegOfSize('jpeg-progressive.jpg', 10_000, 10_000),
  ],
  ['a JPEG larger than its data', 'crop', () => jpegOfSize('jpeg-420.jpg', 3000, 3000)],
  ['a JPEG of no height', 'invalid_image', () => jpegOfSize('jpeg-420.jpg', 150, 0)],
  ['a JPEG of 12 bits', 'unsupported_image', () => at(file('jpeg-444.jpg'), frameAt('jpeg-444.jpg') + 4, 12)],
  [
    'a JPEG of 2 components',
    'unsupported_image',
    () => at(file('jpeg-444.jpg'), frameAt('jpeg-444.jpg') + 9, 2),
  ],
  ['a JPEG with a segment of no length', 'invalid_image', () => bytes('\xff\xd8\xff\xe0\0\0')],
  ['a JPEG of markers only', 'invalid_image', () => bytes('\xff\xd8\xff\xd9')],
  ['a JPEG of fill bytes', 'invalid_image', () => bytes('\xff\xd8', Buffer.alloc(100_000, 0xff))],
  ['a PNG of 0 pixels', 'invalid_image', () => png(0, 9, 8, 2, rows(1, 1))],
  ['a PNG with 3 bits', 'invalid_image', () => png(9, 9, 3, 2, rows(9, 9))],
  ['a PNG with too little data', 'invalid_image', () => png(9, 9, 8, 2, rows(9, 8))],
  ['a PNG that inflates to 100 MB', 'crop', () => png(9, 9, 8, 2, Buffer.alloc(1e8))],
  ['a PNG without pixels', 'invalid_image', () => file('png-rgb.png').subarray(0, 33)],
  [
    'a PNG that ends with IEND at once',
    'invalid_image',
    () => bytes(file('png-rgb.png').subarray(0, 33), file('png-rgb.png').subarray(-12)),
  ],
  ['a PNG with a wrong checksum', 'invalid_image', () => at(file('png-rgb.png'), 29, 1, 2, 3, 4)],
  [
    'a PNG of 60,000 frames',
    'crop',
    () => png(9, 9, 8, 2, rows(9, 9), pngChunk('acTL', Buffer.from([0, 0, 0xea, 0x60, 0, 0, 0, 0]))),
  ],
  [
    'an animated PNG whose first frame is a part',
    'invalid_image',
    () => png(9, 9, 8, 2, rows(9, 9), pngChunk('fcTL', Buffer.alloc(26, 1))),
  ],
  [
    'a PNG whose chunk is longer than the file',
    'invalid_image',
    () => at(file('png-rgb.png'), 33, 0x7f, 0xff, 0xff, 0xff),
  ],
  [
    'a GIF of 60,000 frames',
    'crop',
    () => bytes(file('gif-p.gif').subarray(0, -1), ...Array<Buffer>(60_000).fill(tinyFrame()), ';'),
  ],
  ['a GIF of 65,535²', 'image_too_large', () => at(file('gif-p.gif'), 6, 255, 255, 255, 255)],
  ['a GIF without frames', 'invalid_image', () => bytes('GIF89a', word(9), word(9), [0, 0, 0], ';')],
  [
    'a GIF of junk',
    'invalid_image',
    () => bytes('GIF89a', word(9), word(9), [0, 0, 0], Buffer.alloc(500, 1)),
  ],
  [
    'a GIF frame of no width',
    'invalid_image',
    () =>
      bytes('GIF89a', word(9), word(9), [0, 0, 0], ',', word(0), word(0), word(0), word(9), [0, 2, 1, 0, 0]),
  ],
  ['a GIF with codes of 12 bits', 'invalid_image', () => gifFrame([12, 1, 0, 0])],
  ['a GIF with a code from nowhere', 'invalid_image', () => gifFrame([2, 2, 0xff, 0xff, 0])],
  ['a GIF that ends its data early', 'invalid_image', () => gifFrame([2, 1, 0x2c, 0])],
  ['a GIF cut in a block', 'invalid_image', () => gifFrame([2, 200, 1])],
  [
    'a GIF palette cut short',
    'invalid_image',
    () => bytes('GIF89a', word(9), word(9), [0xf7, 0, 0, 1, 2, 3]),
  ],
  [
    'a BMP of 2^31 pixels a side',
    'image_too_large',
    () => at(file('bmp-24.bmp'), 18, 0, 0, 0, 0x80, 0, 0, 0, 0x70),
  ],
  ['a BMP of no width', 'invalid_image', () => at(file('bmp-24.bmp'), 18, 0, 0, 0, 0)],
  ['a BMP with its pixels outside', 'invalid_image', () => at(file('bmp-24.bmp'), 10, 255, 255, 255, 127)],
  ['a BMP of 7 bits', 'unsupported_image', () => at(file('bmp-24.bmp'), 28, 7)],
  ['a BMP that holds a JPEG', 'unsupported_image', () => at(file('bmp-24.bmp'), 30, 4)],
  ['a BMP with odd masks', 'unsupported_image', () => at(file('bmp-565.bmp'), 54, 3)],
  ['a BMP with a header of 52 bytes', 'unsupported_image', () => at(file('bmp-24.bmp'), 14, 52)],
  ['a BMP of 65,536 colours', 'unsupported_image', () => at(file('bmp-8.bmp'), 46, 0, 0, 1, 0)],
  ['a BMP whose runs end early', 'invalid_image', () => at(file('bmp-rle8.bmp'), 14 + 40 + 1024, 0, 1)],
  [
    'a BMP whose runs never fill it',
    'invalid_image',
    () => bytes(file('bmp-rle8.bmp').subarray(0, 14 + 40 + 1024), Buffer.alloc(5000)),
  ],
  ['a TIFF whose directory follows itself', 'crop', () => loopingTiff()],
  [
    'a TIFF whose directory is outside',
    'invalid_image',
    () => at(file('tiff-orientation-1.tif'), 4, 0, 0, 255, 127),
  ],
  ['a TIFF of 65,535 entries', 'invalid_image', () => at(file('tiff-orientation-1.tif'), 8, 255, 255)],
  [
    'a TIFF of 10^9 samples',
    'unsupported_image',
    () => at(file('tiff-orientation-1.tif'), 8 + 2 + 24 + 4, 0, 0, 0, 0x40),
  ],
  [
    'a TIFF of 2^31 pixels a side',
    'image_too_large',
    () => at(at(file('tiff-orientation-1.tif'), 18, 0, 0, 0, 0x80), 30, 0, 0, 0, 0x7f),
  ],
  ['a TIFF turned by a quarter', 'unsupported_image', () => tiffOrientation(6)],
  ['a TIFF of no size', 'invalid_image', () => at(file('tiff-orientation-1.tif'), 18, 0, 0, 0, 0)],
  [
    'a WebP of 16,384²',
    'image_too_large',
    () => bytes('RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0', [255, 63, 0, 255, 63, 0]),
  ],
  [
    'a WebP of an unknown chunk',
    'invalid_image',
    () => bytes('RIFF\x16\0\0\0WEBPJUNK\x0a\0\0\0', Buffer.alloc(20)),
  ],
  [
    'a WebP whose header tells another size',
    'invalid_image',
    () => at(file('webp-lossy-alpha.webp'), 24, 90),
  ],
  ['an AVIF', 'crop', () => wide(90, 80).avif({ quality: 50, effort: 0 }).toBuffer()],
  [
    'an AVIF of boxes without an end',
    'invalid_image',
    () => bytes('\0\0\0\x10ftypavif\0\0\0\0', '\xff\xff\xff\xffmeta'),
  ],
  [
    'an AVIF of empty boxes',
    'invalid_image',
    () => bytes('\0\0\0\x10ftypavif\0\0\0\0', '\0\0\0\x01meta', Buffer.alloc(8)),
  ],
];

export function wide(width = 65_500, height = 1) {
  return sharp({ create: { width, height, channels: 3, background: { r: 10, g: 200, b: 90 } } });
}

/** Resized to 32 this is 2^25 + 32 pixels long. */
function narrow(): Buffer {
  return png(1, 2 ** 20 + 1, 8, 0, Buffer.alloc(2 * (2 ** 20 + 1)));
}

function frameAt(name: string): number {
  const data = file(name);
  return data.findIndex((value, i) => value === 0xff && data[i + 1] === 0xc0);
}

function tinyFrame(): Buffer {
  return bytes(',', word(0), word(0), word(1), word(1), [0, 2, 2, 0x44, 1, 0]);
}

function gifFrame(data: number[]): Buffer {
  return bytes('GIF89a', word(9), word(9), [0, 0, 0], ',', word(0), word(0), word(9), word(9), [0], data);
}

function loopingTiff(): Buffer {
  return at(file('tiff-orientation-1.tif'), 8 + 2 + 12 * 10, 8, 0, 0, 0);
}

function tiffOrientation(orientation: number): Buffer {
  return at(file('tiff-orientation-1.tif'), 8 + 2 + 12 * 6 + 8, orientation);
}
