import sharp from 'sharp';

/** An SVG on a clear ground → side × side × 4 bytes, colours multiplied by alpha; undefined for one that shows nothing. */
export async function renderClear(svg: string, side: number): Promise<Uint8Array | undefined> {
  const density = (72 * side) / viewSide(svg);
  const pixels = await sharp(Buffer.from(svg), { density: Math.min(2400, Math.max(1, density)) })
    .resize(side, side, { fit: 'contain', background: '#0000' })
    .ensureAlpha()
    .raw()
    .toBuffer();
  return premultiply(pixels);
}

/** An SVG on white → a PNG of side × side, as a client of the server would send it. */
export function renderPng(svg: string, side: number): Promise<Buffer> {
  const density = (72 * side) / viewSide(svg);
  return sharp(Buffer.from(svg), { density })
    .resize(side, side)
    .flatten({ background: '#fff' })
    .png()
    .toBuffer();
}

function viewSide(svg: string): number {
  return Number(/viewBox="0 0 ([\d.]+)/.exec(svg)?.[1] ?? 72);
}

function premultiply(pixels: Uint8Array): Uint8Array | undefined {
  let seen = 0;
  for (let at = 0; at < pixels.length; at += 4) {
    const alpha = pixels[at + 3]!;
    seen += alpha;
    for (let channel = 0; channel < 3; channel++)
      pixels[at + channel] = Math.round((pixels[at + channel]! * alpha) / 255);
  }
  return seen > 0.005 * 255 * (pixels.length / 4) ? pixels : undefined;
}
