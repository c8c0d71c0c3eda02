/** `node --import tsx pictures.ts FOLDER` writes the classes, and every picture that the model is trained on. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { argv, stderr } from 'node:process';
import { type EmojiClass, readClasses } from './classes.ts';
import { seededRandom } from './random.ts';
import { renderClear } from './render.ts';
import { restyle, type Style } from './restyle.ts';
import { benchmarkClasses, COLOUR_SETS, type Drawing, drawingsOf, INK_SETS } from './sets.ts';

/** Side of the pictures that are written. Training takes a part of each, at another size and angle. */
const SIDE = 96;
/** How often a drawing in colour is written in each style. */
const COLOUR_STYLES: readonly Style[] = ['plain', 'outlined', 'outlined', 'recoloured', 'drawn'];
/** Rendered at once; librsvg works on threads of libuv's pool. */
const AT_ONCE = 64;

interface Picture {
  readonly shows: number;
  readonly set: string;
  readonly style: Style | 'ink';
  readonly render: () => Promise<Uint8Array | undefined>;
}

function planPictures(classes: readonly EmojiClass[]): Picture[] {
  const inColour = COLOUR_SETS.flatMap((set) =>
    drawingsOf(set, classes).flatMap((drawing, index) =>
      COLOUR_STYLES.map((style, copy) => colourPicture(drawing, set, style, index * 8 + copy)),
    ),
  );
  const inInk = INK_SETS.flatMap((set) =>
    drawingsOf(set, classes).map(
      ({ svg, shows }): Picture => ({ shows, set, style: 'ink', render: () => renderClear(svg, SIDE) }),
    ),
  );
  return [...inColour, ...inInk];
}

function colourPicture(drawing: Drawing, set: string, style: Style, seed: number): Picture {
  const render = () => renderClear(restyle(drawing, style, seededRandom(seed)), SIDE);
  return { shows: drawing.shows, set, style, render };
}

async function writePictures(folder: string, plan: readonly Picture[]): Promise<Picture[]> {
  const part = join(folder, 'pictures.rgba.part');
  const file = createWriteStream(part);
  const written: Picture[] = [];
  for (let at = 0; at < plan.length; at += AT_ONCE) {
    const group = plan.slice(at, at + AT_ONCE);
    const rendered = await Promise.all(group.map(({ render }) => render().catch(() => undefined)));
    for (const [index, pixels] of rendered.entries()) {
      if (!pixels) continue;
      written.push(group[index]!);
      if (!file.write(pixels)) await once(file, 'drain');
    }
    if (stderr.isTTY) stderr.write(`\rpictures ${at + group.length} of ${plan.length}`);
  }
  file.end();
  await once(file, 'finish');
  await rename(part, join(folder, 'pictures.rgba'));
  return written;
}

const [folder] = argv.slice(2);
if (!folder) {
  console.error('usage: pictures.ts FOLDER');
  process.exit(2);
}
await mkdir(folder, { recursive: true });
const classes = readClasses();
const benchmark = new Set(benchmarkClasses(classes));
await writeFile(
  join(folder, 'classes.json'),
  JSON.stringify(classes.map((entry, index) => ({ ...entry, benchmark: benchmark.has(index) }))),
);
const plan = planPictures(classes);
const pictures = await writePictures(folder, plan);
const rows = pictures.map(({ shows, set, style }) => [shows, set, style]);
await writeFile(join(folder, 'pictures.json'), JSON.stringify({ side: SIDE, rows }));
console.error(
  `${pictures.length} pictures of ${classes.length} classes; ${plan.length - pictures.length} could not be drawn`,
);
