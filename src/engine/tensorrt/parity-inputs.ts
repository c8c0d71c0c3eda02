import { readdir, readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { ImageInput, TextInput, Tower, TowerInput } from '../../model/tower.ts';
import { loadAddon } from '../../native/addon.ts';
import { CANARY_TEXT, PARITY_TEXTS } from './parity-texts.ts';

/** The server's own way from what a client sends to what a tower takes. */
export interface InputMeans {
  readonly encode: (text: string) => TextInput;
  /** A picture's file → side × side × 3 bytes. */
  readonly crop: (file: Uint8Array) => Promise<ImageInput>;
  /** Pixels. */
  readonly side: number;
}

/** What a plan and the original are compared on. */
export interface ParityInput {
  /** In messages. */
  readonly name: string;
  readonly input: TowerInput;
}

const PHOTOGRAPHS = resolve(import.meta.dirname, '../../../data/parity');
const NAME_CHARACTERS = 24;

/** The canary's first, then at least 63 others, the same at each start. @throws Error of the file system */
export async function parityInputs(tower: Tower, means: InputMeans): Promise<ParityInput[]> {
  if (tower === 'image') return pictures(means);
  return PARITY_TEXTS.map((text) => ({ name: shown(text), input: means.encode(text) }));
}

/** Whose vector tells whether a plan still computes what it did when it was proved. */
export function canaryInput(tower: Tower, means: Pick<InputMeans, 'encode' | 'side'>): TowerInput {
  return tower === 'text' ? means.encode(CANARY_TEXT) : canaryPicture(means.side);
}

function shown(text: string): string {
  return JSON.stringify(text.length > NAME_CHARACTERS ? `${text.slice(0, NAME_CHARACTERS)}…` : text);
}

async function pictures({ crop, side }: InputMeans): Promise<ParityInput[]> {
  const all: ParityInput[] = [{ name: 'the canary', input: canaryPicture(side) }];
  const files = (await readdir(PHOTOGRAPHS)).filter((name) => name.endsWith('.jpg')).sort();
  for (const file of files) all.push(...(await views(file, { crop, side })));
  for (const [name, dot] of Object.entries(drawings(side))) all.push({ name, input: draw(side, dot) });
  return all;
}

/** A photograph, its mirror image, and three of its parts. */
async function views(
  file: string,
  { crop, side }: Pick<InputMeans, 'crop' | 'side'>,
): Promise<ParityInput[]> {
  const whole = await crop(await readFile(resolve(PHOTOGRAPHS, file)));
  const name = basename(file, '.jpg');
  const part = async (from: number, to: number) => {
    const [start, size] = [Math.round(from * side), Math.round((to - from) * side)];
    const data = window(whole, side, start, size);
    return loadAddon().resizeCrop({ data, width: size, height: size, mode: 'RGB', resolution: side });
  };
  return [
    { name, input: whole },
    { name: `${name}, mirrored`, input: mirrored(whole, side) },
    { name: `${name}, its middle`, input: await part(0.2, 0.8) },
    { name: `${name}, its first corner`, input: await part(0, 0.6) },
    { name: `${name}, its last corner`, input: await part(0.5, 1) },
  ];
}

/** A square of the picture's diagonal. */
function window(pixels: Uint8Array, side: number, start: number, size: number): Uint8Array {
  const part = new Uint8Array(3 * size * size);
  for (let row = 0; row < size; row++) {
    const from = 3 * ((start + row) * side + start);
    part.set(pixels.subarray(from, from + 3 * size), 3 * row * size);
  }
  return part;
}

function mirrored(pixels: Uint8Array, side: number): Uint8Array {
  return draw(side, (x, y, channel) => pixels[3 * (y * side + side - 1 - x) + channel]!);
}

type Dot = (x: number, y: number, channel: number) => number;

function draw(side: number, dot: Dot): Uint8Array {
  return Uint8Array.from({ length: 3 * side * side }, (_, i) => {
    const at = Math.trunc(i / 3);
    return dot(at % side, Math.trunc(at / side), i % 3);
  });
}

/** With edges, slopes and colours, in integers alone: the same on every machine and with every decoder. */
function canaryPicture(side: number): Uint8Array {
  return draw(side, (x, y, channel) => {
    const slope = Math.trunc((255 * (channel === 1 ? y : x)) / side);
    const isInDisc = (2 * x - side) ** 2 + (2 * y - side) ** 2 < (side * side) / 2;
    return isInDisc ? 255 - slope : slope ^ (((x >> 3) + (y >> 4)) & 1 ? 0x2a : 0);
  });
}

/** What no photograph is: of one colour, of none, and of one frequency. */
function drawings(side: number): Record<string, Dot> {
  const random = numbers(side);
  const coarse = Uint8Array.from({ length: 3 * 64 }, () => random());
  const slope = (at: number) => (255 * at) / side;
  const board =
    (cell: number): Dot =>
    (x, y) =>
      ((Math.trunc(x / cell) ^ Math.trunc(y / cell)) & 1) * 255;
  return {
    black: () => 0,
    white: () => 255,
    grey: () => 128,
    red: (_x, _y, channel) => (channel === 0 ? 255 : 0),
    noise: () => random(),
    'noise of one colour': (_x, _y, channel) => (channel === 0 ? random() : 128),
    'coarse noise': (x, y, channel) =>
      coarse[3 * (8 * Math.trunc((8 * y) / side) + Math.trunc((8 * x) / side)) + channel]!,
    'slope across': (x) => slope(x),
    'slope down': (_, y) => slope(y),
    'slopes of colours': (x, y, channel) => slope([x, y, side - 1 - x][channel]!),
    'board of 1': board(1),
    'board of 8': board(8),
    'board of thirds': board(Math.ceil(side / 3)),
    'one dot': (x, y) => (x === side >> 1 && y === side >> 1 ? 255 : 0),
  };
}

/** Bytes that look random and are the same for each seed (xorshift). */
function numbers(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 255;
  };
}
