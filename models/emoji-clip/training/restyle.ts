import { bell } from './random.ts';
import type { Drawing } from './sets.ts';

/**
 * How a drawing is redrawn, so that the model learns what a picture shows and not one vendor's manner.
 * `outlined` gets dark contours, `recoloured` other colours, `drawn` contours over paper-like fills.
 */
export type Style = 'plain' | 'outlined' | 'recoloured' | 'drawn';

const SHAPE = /<(path|circle|ellipse|rect|polygon)\b([^>]*?)\/>/g;
const COLOUR = /#([0-9a-f]{6}|[0-9a-f]{3})\b/gi;
const FILL = /(fill|stop-color)="(#[0-9a-f]{3,6})"/gi;

/** The drawing's SVG in another style. */
export function restyle({ svg, side }: Drawing, style: Style, random: () => number): string {
  if (style === 'plain') return svg;
  const recoloured = style === 'outlined' && random() < 0.5 ? svg : shiftColours(svg, random);
  if (style === 'recoloured') return moveShapes(recoloured, side, random);
  const filled = style === 'drawn' ? bleach(recoloured, random) : recoloured;
  return moveShapes(
    outline(filled, side, style === 'drawn' ? 1 : 0.6 + 0.4 * random(), random),
    side,
    random,
  );
}

/** One shift for the picture and a smaller one for each of its colours. */
function shiftColours(svg: string, random: () => number): string {
  const turn = 14 * bell(random);
  const saturate = 2 ** (0.45 * bell(random));
  const lighten = 0.06 * bell(random);
  const known = new Map<string, string>();
  return svg.replace(COLOUR, (colour) => {
    const shifted =
      known.get(colour) ??
      mapHsl(colour, ([h, s, l]) => [
        h + turn + 8 * bell(random),
        s * saturate * 2 ** (0.15 * bell(random)),
        l + lighten + 0.04 * bell(random),
      ]);
    known.set(colour, shifted);
    return shifted;
  });
}

/** Fills turn white or pale, as in a picture drawn with a pen. */
function bleach(svg: string, random: () => number): string {
  const kept = random() < 0.5 ? 0 : 0.25 + 0.3 * random();
  const pale = (colour: string) => mapHsl(colour, ([h, s, l]) => [h, s, 1 - (1 - l) * kept]);
  return svg.replace(FILL, (_, attribute: string, colour: string) => `${attribute}="${pale(colour)}"`);
}

/** Dark contours around this share of the shapes that have none; details that are nearly see-through stay as they are. */
function outline(svg: string, side: number, share: number, random: () => number): string {
  const width = side * (0.018 + 0.02 * random());
  const ink = random() < 0.6 ? '#000' : mapHsl('#222222', ([, , l]) => [360 * random(), 0.3, l]);
  return svg.replace(SHAPE, (shape, kind: string, attributes: string) => {
    if (/stroke=|fill="none"|opacity="\.?0?\.[0-4]/.test(attributes) || random() > share) return shape;
    const contour = `stroke="${ink}" stroke-width="${width.toFixed(2)}" stroke-linejoin="round"`;
    return `<${kind}${attributes} ${contour}/>`;
  });
}

/** Each shape a little off its place and size: another hand's proportions. Not where a clip or mask names shapes. */
function moveShapes(svg: string, side: number, random: () => number): string {
  if (/<(clipPath|mask|defs)\b/.test(svg)) return svg;
  const off = side * 0.012;
  return svg.replace(SHAPE, (shape) => {
    const scale = 1 + 0.04 * bell(random);
    const x = off * bell(random) + (side / 2) * (1 - scale);
    const y = off * bell(random) + (side / 2) * (1 - scale);
    return `<g transform="matrix(${[scale, 0, 0, scale, x, y].map((n) => n.toFixed(3)).join(' ')})">${shape}</g>`;
  });
}

type Hsl = readonly [hue: number, saturation: number, lightness: number];

function mapHsl(colour: string, change: (hsl: Hsl) => Hsl): string {
  const [h, s, l] = change(toHsl(colour));
  return fromHsl([((h % 360) + 360) % 360, clamp(s), clamp(l)]);
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

function toHsl(colour: string): Hsl {
  const digits = colour.length === 4 ? [...colour.slice(1)].map((d) => d + d).join('') : colour.slice(1);
  const [r, g, b] = [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16) / 255) as [
    number,
    number,
    number,
  ];
  const max = Math.max(r, g, b);
  const range = max - Math.min(r, g, b);
  const lightness = max - range / 2;
  if (range === 0) return [0, 0, lightness];
  const sector = max === r ? (g - b) / range : max === g ? 2 + (b - r) / range : 4 + (r - g) / range;
  return [60 * sector, range / (1 - Math.abs(2 * lightness - 1)), lightness];
}

function fromHsl([h, s, l]: Hsl): string {
  const channel = (n: number) => {
    const k = (n + h / 30) % 12;
    const value = l - s * Math.min(l, 1 - l) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * value)
      .toString(16)
      .padStart(2, '0');
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}
