import { ClipError } from '../../errors.ts';
import type { Header } from './header.ts';

const FEATURE_ALPHA = 0x10;

/** Reads the first chunk: simple lossy, simple lossless, or the extended header (RFC 9649). */
export function readWebp(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = Buffer.from(bytes.subarray(12, 16)).toString('latin1');
  if (kind === 'VP8X') return readExtended(view);
  if (kind === 'VP8L') return readLossless(view);
  if (kind === 'VP8 ')
    return header(view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff, false);
  throw new ClipError(
    'invalid_image',
    `webp: a chunk VP8, VP8L or VP8X expected, got ${JSON.stringify(kind)}`,
  );
}

function readExtended(view: DataView): Header {
  const side = (at: number) => 1 + (view.getUint16(at, true) | (view.getUint8(at + 2) << 16));
  return header(side(24), side(27), (view.getUint8(20) & FEATURE_ALPHA) !== 0);
}

/** 14 bits of width − 1, 14 of height − 1, 1 of alpha. */
function readLossless(view: DataView): Header {
  const bits = view.getUint32(21, true);
  return header(1 + (bits & 0x3fff), 1 + ((bits >>> 14) & 0x3fff), ((bits >>> 28) & 1) === 1);
}

function header(width: number, height: number, alpha: boolean): Header {
  return { width, height, mode: alpha ? 'RGBA' : 'RGB', source: { by: 'sharp', format: 'webp' } };
}
