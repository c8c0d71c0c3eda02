import { ClipError } from '../../errors.ts';

/** Formats that are decoded. */
export type Format = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif' | 'bmp';

/** First bytes as Latin-1; `?` stands for any byte. */
const ACCEPTED: ReadonlyArray<readonly [string, Format]> = [
  ['\xff\xd8\xff', 'jpeg'],
  ['\x89PNG\r\n\x1a\n', 'png'],
  ['RIFF????WEBP', 'webp'],
  ['GIF87a', 'gif'],
  ['GIF89a', 'gif'],
  ['II*\0', 'tiff'],
  ['MM\0*', 'tiff'],
  ['????ftypavif', 'avif'],
  ['????ftypavis', 'avif'],
  ['BM', 'bmp'],
];

/** Named in the refusal, so that the user learns what was sent. */
const REFUSED: ReadonlyArray<readonly [string, string]> = [
  ['%PDF', 'PDF'],
  ['<svg', 'SVG'],
  ['<?xml', 'XML, perhaps SVG'],
  ['<!DOCTYPE', 'HTML'],
  ['<html', 'HTML'],
  ['\0\0\0\fjP  ', 'JPEG 2000'],
  ['\xffO\xffQ', 'JPEG 2000'],
  ['\0\0\0\fJXL ', 'JPEG XL'],
  ['\xff\x0a', 'JPEG XL'],
  ['II+\0', 'BigTIFF'],
  ['MM\0+', 'BigTIFF'],
  ['????ftyphei', 'HEIC'],
  ['????ftyphev', 'HEIC'],
  ['????ftypmif1', 'HEIF'],
  ['????ftypmsf1', 'HEIF'],
  ['????ftyp', 'MP4 or a relative of it'],
  ['\0\0\x01\0', 'ICO'],
  ['\0\0\x02\0', 'CUR'],
  ['8BPS', 'PSD'],
  ['DDS ', 'DDS'],
  ['v/1\x01', 'OpenEXR'],
  ['#?RADIANCE', 'Radiance HDR'],
  ['qoif', 'QOI'],
  ['P1', 'PBM'],
  ['P2', 'PGM'],
  ['P3', 'PPM'],
  ['P4', 'PBM'],
  ['P5', 'PGM'],
  ['P6', 'PPM'],
  ['P7', 'PAM'],
  ['PK\x03\x04', 'ZIP'],
  ['\x1f\x8b', 'gzip'],
  ['\x1aE\xdf\xa3', 'Matroska or WebM'],
  ['RIFF????AVI ', 'AVI'],
  ['RIFF????WAVE', 'WAV'],
  ['%!PS', 'PostScript'],
  ['{', 'JSON'],
];

/**
 * Tells the format by the first bytes.
 * @throws ClipError invalid_image without bytes; unsupported_image for anything that is not decoded
 */
export function sniff(bytes: Uint8Array): Format {
  if (bytes.length === 0) throw new ClipError('invalid_image', 'an image expected, got no bytes');
  const accepted = find(ACCEPTED, bytes);
  if (accepted) return accepted;
  const text = Buffer.from(bytes.subarray(0, 256))
    .toString('latin1')
    .replace(/^(\xef\xbb\xbf)?\s+/, '');
  const refused = find(REFUSED, bytes) ?? find(REFUSED, Buffer.from(text, 'latin1'));
  const hex = Buffer.from(bytes.subarray(0, 12)).toString('hex');
  throw new ClipError(
    'unsupported_image',
    `JPEG, PNG, WebP, GIF, TIFF, AVIF or BMP expected, got ${refused ?? `bytes that begin with ${hex}`}`,
  );
}

function find<Name>(patterns: ReadonlyArray<readonly [string, Name]>, bytes: Uint8Array): Name | undefined {
  return patterns.find(([pattern]) => matches(pattern, bytes))?.[1];
}

function matches(pattern: string, bytes: Uint8Array): boolean {
  if (bytes.length < pattern.length) return false;
  return [...pattern].every((character, i) => character === '?' || character.charCodeAt(0) === bytes[i]);
}
