import type { PixelMode, ResizeJob } from '../../src/native/addon.ts';

/** Channel c at (x, y) is (7x + 13y + 29c) mod 256. */
function pattern(width: number, height: number, channels: number): Uint8Array {
  const data = new Uint8Array(width * height * channels);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++) for (let c = 0; c < channels; c++) data[i++] = 7 * x + 13 * y + 29 * c;
  return data;
}

/** Grey and alpha as red = green = blue, and alpha. */
function spread(greyAlpha: Uint8Array): Uint8Array {
  return new Uint8Array(greyAlpha.length * 2).map(
    (_, i) => greyAlpha[i % 4 === 3 ? (i >> 1) | 1 : (i >> 2) * 2]!,
  );
}

/** The same bytes each time. */
export function noise(length: number): Uint8Array {
  let seed = 7;
  return new Uint8Array(length).map(() => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return seed >> 16;
  });
}

const palette = new Uint8Array(768).map((_, i) => {
  const index = Math.floor(i / 3);
  return [index, 255 - index, (3 * index) % 256][i % 3]!;
});

export function job(
  mode: PixelMode,
  width: number,
  height: number,
  data: Uint8Array,
  resolution = 224,
): ResizeJob {
  return { data, width, height, mode, resolution, palette: mode === 'P' ? palette : undefined };
}

/** Name, job, byte sum and the first 16 digits of the sha256 of Pillow 9.4's crop; every version up to 12.1 gives the same. */
export const PILLOW: ReadonlyArray<readonly [string, ResizeJob, number, string]> = [
  ['RGB 640x480', job('RGB', 640, 480, pattern(640, 480, 3)), 19192999, '7f856112daf03867'],
  ['RGB 480x641', job('RGB', 480, 641, pattern(480, 641, 3)), 19192185, '2265930b5423f1d9'],
  ['RGB 225x224', job('RGB', 225, 224, pattern(225, 224, 3)), 19188224, '74cb5f6de6c242ac'],
  ['RGB 227x224', job('RGB', 227, 224, pattern(227, 224, 3)), 19189504, '9bd48e29e3ff88a7'],
  ['RGB 1000x300', job('RGB', 1000, 300, pattern(1000, 300, 3)), 19195325, '6bc6c551b73b5933'],
  ['RGB 37x53', job('RGB', 37, 53, pattern(37, 53, 3)), 19190109, '18c50ecc7ed82da1'],
  ['L 640x480', job('L', 640, 480, pattern(640, 480, 1)), 19192017, 'd912acf7745dd4f7'],
  ['RGBA 300x400', job('RGBA', 300, 400, pattern(300, 400, 4)), 18951622, '9fb5944ace8ef508'],
  ['LA 300x400', job('RGBA', 300, 400, spread(pattern(300, 400, 2))), 18667704, '33b88d641bad889b'],
  ['P 300x400', job('P', 300, 400, pattern(300, 400, 1)), 19192064, '1034a03a84b0991f'],
  ['CMYK 300x400', job('CMYK', 300, 400, pattern(300, 400, 4)), 9601897, 'd90c40895c959c9c'],
];

/** Sides that leave remainders, enlarge, shrink one axis alone, or are as short as can be. */
export const AWKWARD: ReadonlyArray<readonly [number, number]> = [
  [1, 1],
  [1, 70],
  [70, 1],
  [5, 3],
  [223, 225],
  [449, 131],
  [33, 1500],
];
