import sharp from 'sharp';

/** A 500×375 JPEG of about a photo's size: soft shapes with grain. */
export async function photo(seed: number): Promise<Buffer> {
  const noise = { type: 'gaussian' as const, mean: 128, sigma: 12 };
  const grain = await sharp({ create: { width: 500, height: 375, channels: 3, background: '#777', noise } })
    .png()
    .toBuffer();
  const hue = (seed * 47) % 360;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="500" height="375"><defs><radialGradient id="g">
    <stop offset="0" stop-color="hsl(${hue},80%,60%)"/><stop offset="1" stop-color="hsl(${hue + 120},60%,30%)"/>
    </radialGradient></defs><rect width="500" height="375" fill="url(#g)"/>
    <circle cx="${(seed * 83) % 500}" cy="${(seed * 61) % 375}" r="90" fill="hsl(${hue + 200},70%,50%)"/></svg>`;
  return sharp(Buffer.from(svg))
    .composite([{ input: grain, blend: 'soft-light' }])
    .jpeg({ quality: 88 })
    .toBuffer();
}
