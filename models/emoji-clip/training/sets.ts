import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type EmojiClass, plainHexcode, slug } from './classes.ts';

/** A drawing of one class, as the text of an SVG file. */
export interface Drawing {
  /** Index into the classes. */
  readonly shows: number;
  readonly svg: string;
  /** Side of the SVG's own coordinates. */
  readonly side: number;
}

/** The set that the model is judged by. No picture of it is ever trained on. */
export const UNSEEN_SET = 'openmoji';
/** Sets in colour that are trained on. */
export const COLOUR_SETS = [
  'noto',
  'twemoji',
  'fluent-emoji-flat',
  'fluent-emoji',
  'noto-v1',
  'emojione',
  'streamline-emojis',
  'fxemoji',
] as const;
/** Sets in one ink that are trained on. */
export const INK_SETS = ['fluent-emoji-high-contrast', 'emojione-monotone'] as const;
/** The sets that say which code points a picture stands for; the others are matched by these sets' names. */
const SETS_WITH_CODES = ['noto', 'twemoji', 'fluent-emoji-flat'];
/** A class belongs to the benchmark where all of these have a picture of it. */
const BENCHMARK_SETS = [...SETS_WITH_CODES, UNSEEN_SET];

interface IconFile {
  readonly icons: Readonly<Record<string, { readonly body: string; readonly width?: number }>>;
  readonly aliases?: Readonly<Record<string, { readonly parent: string }>>;
  readonly width: number;
}

const packages = createRequire(import.meta.url);

function readSetFile(set: string, file: string): unknown {
  const folder = dirname(packages.resolve(`@iconify-json/${set}/package.json`));
  return JSON.parse(readFileSync(join(folder, file), 'utf8'));
}

/** Drawings of one set by the name of the icon, at most one drawing per class and set where the set gives code points. */
export function drawingsOf(set: string, classes: readonly EmojiClass[]): Drawing[] {
  const file = readSetFile(set, 'icons.json') as IconFile;
  const names = namesOf(set, classes);
  const drawings: Drawing[] = [];
  for (const [name, shows] of names ?? guessNames(Object.keys(file.icons), classes)) {
    const icon = file.icons[name] ?? file.icons[file.aliases?.[name]?.parent ?? ''];
    if (icon) drawings.push({ shows, ...wrap(icon.body, icon.width ?? file.width) });
  }
  return drawings;
}

/** Classes of which each set of the benchmark has a picture, as indices. */
export function benchmarkClasses(classes: readonly EmojiClass[]): number[] {
  const shown = BENCHMARK_SETS.map((set) => new Set(namesOf(set, classes)?.map(([, shows]) => shows)));
  return classes.map((_, index) => index).filter((index) => shown.every((set) => set.has(index)));
}

function wrap(body: string, side: number): Pick<Drawing, 'svg' | 'side'> {
  const open = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 ${side} ${side}">`;
  return { svg: `${open}${body}</svg>`, side };
}

/** Name → class by the set's own table of code points; undefined where it has none. */
function namesOf(set: string, classes: readonly EmojiClass[]): [string, number][] | undefined {
  const byCode = new Map(classes.map(({ hexcode }, index) => [plainHexcode(hexcode), index]));
  const codes = Object.entries(readSetFile(set, 'chars.json') as Record<string, string>);
  if (codes.length === 0) return undefined;
  const found = new Map<number, string>();
  for (const [code, name] of codes) {
    const shows = byCode.get(plainHexcode(code));
    if (shows !== undefined) found.set(shows, name);
  }
  return [...found].map(([shows, name]) => [name, shows]);
}

/** For sets without code points: names that other sets use, then slugs of labels, then near spellings of these. */
function guessNames(names: readonly string[], classes: readonly EmojiClass[]): [string, number][] {
  const known = new Map<string, number>();
  for (const [index, { label }] of classes.entries()) known.set(slug(label), index);
  for (const set of SETS_WITH_CODES)
    for (const [name, shows] of namesOf(set, classes) ?? []) if (!known.has(name)) known.set(name, shows);
  return names.flatMap((name) => {
    const single = name.replace(/-\d$/, '');
    const spellings = [name, single, single.replace(/^flag-for-/, 'flag-'), single.replace(/-face$/, '')];
    const shows = spellings.map((spelling) => known.get(spelling)).find((index) => index !== undefined);
    return shows === undefined ? [] : [[name, shows] as [string, number]];
  });
}
