import { ClipError } from '../../errors.ts';
import type { PixelMode } from '../../native/addon.ts';
import type { Header } from './header.ts';

const TAG = {
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  orientation: 274,
  samplesPerPixel: 277,
  extraSamples: 338,
  sampleFormat: 339,
} as const;

/** Bytes of the field types that these tags use: BYTE, SHORT, LONG. */
const TYPE_SIZE: Readonly<Record<number, 1 | 2 | 4>> = { 1: 1, 3: 2, 4: 4 };
const MOST_VALUES = 8;

/** Photometric interpretation : bits of each sample : extra samples → how Pillow holds it. */
const MODES: Readonly<Record<string, PixelMode>> = {
  '0:1:': 'nearest-L',
  '1:1:': 'nearest-L',
  '0:4:': 'L',
  '1:4:': 'L',
  '0:8:': 'L',
  '1:8:': 'L',
  '1:8,8:2': 'RGBA',
  '2:8,8,8:': 'RGB',
  '2:8,8,8,8:': 'RGBA',
  '2:8,8,8,8:0': 'RGBX',
  '2:8,8,8,8:2': 'RGBA',
  '2:16,16,16:': 'RGB',
  '3:1:': 'nearest-RGB',
  '3:4:': 'nearest-RGB',
  '3:8:': 'nearest-RGB',
  '5:8,8,8,8:': 'CMYK',
  '6:8,8,8:': 'RGB',
};

/** Reads the first directory; the others, and so loops among them, are never looked at. */
export function readTiff(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = view.getUint8(0) === 0x49;
  const tags = readDirectory(view, view.getUint32(4, little), little);
  const width = tags.get(TAG.width)?.[0] ?? 0;
  const height = tags.get(TAG.height)?.[0] ?? 0;
  const mode = modeOf(tags);
  const orientation = tags.get(TAG.orientation)?.[0] ?? 1;
  // Pillow turns the picture only after its size has been used, and so squashes it: no answer is better than that one.
  if (orientation > 4)
    throw new ClipError(
      'unsupported_image',
      `tiff: an orientation of 1 to 4 expected, got ${orientation} (a quarter turn)`,
    );
  return { width, height, mode, source: { by: 'sharp', format: 'tiff', orient: orientation > 1 } };
}

function readDirectory(view: DataView, at: number, little: boolean): Map<number, number[]> {
  const wanted = new Set<number>(Object.values(TAG));
  const tags = new Map<number, number[]>();
  const count = view.getUint16(at, little);
  for (let i = 0; i < count; i++) {
    const entry = at + 2 + 12 * i;
    const tag = view.getUint16(entry, little);
    const size = TYPE_SIZE[view.getUint16(entry + 2, little)];
    if (!wanted.has(tag) || !size) continue;
    tags.set(tag, readValues(view, entry, size, little));
  }
  return tags;
}

function readValues(view: DataView, entry: number, size: 1 | 2 | 4, little: boolean): number[] {
  const count = view.getUint32(entry + 4, little);
  if (count > MOST_VALUES)
    throw new ClipError('unsupported_image', `tiff: up to ${MOST_VALUES} samples expected, got ${count}`);
  const at = count * size <= 4 ? entry + 8 : view.getUint32(entry + 8, little);
  return Array.from({ length: count }, (_, i) => {
    const position = at + i * size;
    if (size === 1) return view.getUint8(position);
    return size === 2 ? view.getUint16(position, little) : view.getUint32(position, little);
  });
}

function modeOf(tags: Map<number, number[]>): PixelMode {
  const photometric = tags.get(TAG.photometric)?.[0] ?? 0;
  const samples = tags.get(TAG.samplesPerPixel)?.[0] ?? 1;
  const format = tags.get(TAG.sampleFormat) ?? [1];
  const extra = tags.get(TAG.extraSamples) ?? [];
  let bits = tags.get(TAG.bitsPerSample) ?? [1];
  if (bits.length === 1 && samples <= MOST_VALUES) bits = Array<number>(samples).fill(bits[0]!);
  const kind = `${photometric}:${bits.slice(0, samples).join()}:${extra.join()}`;
  const mode = format.every((value) => value === 1) ? MODES[kind] : undefined;
  // 6 is the JPEG of TIFF's first edition, whose rules are told differently by every reader.
  const compression = tags.get(TAG.compression)?.[0] ?? 1;
  if (!mode || compression === 6 || (photometric === 6 && compression !== 7))
    throw new ClipError(
      'unsupported_image',
      `tiff: 1-bit, grey, palette, RGB(A) or CMYK of 8 bits expected, got photometric ${photometric}, bits ${bits.join()}, ` +
        `extra samples ${extra.join() || 'none'}, sample format ${format.join()}, compression ${compression}`,
    );
  return mode;
}
