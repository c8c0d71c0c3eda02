import { ClipError } from '../../errors.ts';
import type { Header } from './header.ts';

interface Box {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** Properties that move or cut pixels; decoders differ on whether they are obeyed. */
const TRANSFORMS = ['irot', 'imir', 'clap'];

/** Finds the primary item's properties: meta → pitm, iprp → ipma, ipco (ISO/IEC 23008-12). */
export function readAvif(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const meta = child(view, { type: 'file', start: 0, end: bytes.length }, 'meta');
  const items = { ...meta, start: meta.start + 4 };
  const properties = child(view, items, 'iprp');
  const all = [...boxes(view, child(view, properties, 'ipco'))];
  const primary = primaryItem(view, child(view, items, 'pitm'));
  const own = associated(view, child(view, properties, 'ipma'), primary).map((index) => all[index - 1]);
  const transform = own.find((box) => box && TRANSFORMS.includes(box.type));
  if (transform)
    throw new ClipError(
      'unsupported_image',
      `avif: a picture without transformations expected, got ${transform.type}`,
    );
  const size = own.find((box) => box?.type === 'ispe');
  if (!size)
    throw new ClipError('invalid_image', 'avif: a size (ispe) for the primary item expected, got none');
  checkDepth(view, all);
  const alpha = all.some((box) => box.type === 'auxC' && isAlpha(bytes.subarray(box.start + 4, box.end)));
  const [width, height] = [view.getUint32(size.start + 4), view.getUint32(size.start + 8)];
  return { width, height, mode: alpha ? 'RGBA' : 'RGB', source: { by: 'sharp', format: 'avif' } };
}

/** Higher depths are scaled down differently by every decoder. */
function checkDepth(view: DataView, properties: readonly Box[]): void {
  for (const box of properties)
    if (box.type === 'av1C' && view.getUint8(box.start + 2) & 0x40)
      throw new ClipError('unsupported_image', 'avif: 8 bits a channel expected, got 10 or 12');
}

function* boxes(view: DataView, parent: Box): Generator<Box> {
  for (let at = parent.start; at + 8 <= parent.end; ) {
    const short = view.getUint32(at);
    const header = short === 1 ? 16 : 8;
    const size = short === 1 ? Number(view.getBigUint64(at + 8)) : short === 0 ? parent.end - at : short;
    if (size < header || at + size > parent.end)
      throw new ClipError(
        'invalid_image',
        `avif: a box of ${size} bytes at ${at} does not fit its parent, which ends at ${parent.end}`,
      );
    const type = String.fromCharCode(...[4, 5, 6, 7].map((i) => view.getUint8(at + i)));
    yield { type, start: at + header, end: at + size };
    at += size;
  }
}

function child(view: DataView, parent: Box, type: string): Box {
  for (const box of boxes(view, parent)) if (box.type === type) return box;
  throw new ClipError('invalid_image', `avif: a box ${type} expected in ${parent.type}, got none`);
}

function primaryItem(view: DataView, box: Box): number {
  return view.getUint8(box.start) === 0 ? view.getUint16(box.start + 4) : view.getUint32(box.start + 4);
}

/** Indices (from 1) of the item's properties. */
function associated(view: DataView, box: Box, item: number): number[] {
  const longIds = view.getUint8(box.start) >= 1;
  const longIndices = (view.getUint8(box.start + 3) & 1) === 1;
  const entries = view.getUint32(box.start + 4);
  for (let i = 0, at = box.start + 8; i < entries; i++) {
    const id = longIds ? view.getUint32(at) : view.getUint16(at);
    at += longIds ? 4 : 2;
    const count = view.getUint8(at++);
    const step = longIndices ? 2 : 1;
    if (id === item)
      return Array.from({ length: count }, (_, k) =>
        longIndices ? view.getUint16(at + 2 * k) & 0x7fff : view.getUint8(at + k) & 0x7f,
      );
    at += count * step;
  }
  return [];
}

function isAlpha(name: Uint8Array): boolean {
  return /auxiliary:alpha|auxid:1\b/.test(Buffer.from(name).toString('latin1'));
}
