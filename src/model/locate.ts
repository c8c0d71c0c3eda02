import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ConfigError } from '../config/config.ts';
import type { Tower } from './tower.ts';
import { TRAITS_FILE } from './traits.ts';

/** Files of a model that a user brings. Paths are absolute. */
export interface ModelFiles {
  readonly text: string;
  readonly image: string;
  readonly tokenizer?: string;
  /** What an exporter wrote about the pictures' preprocessing. */
  readonly preprocessing?: string;
  /** What it was trained to: `model.json`. */
  readonly traits?: string;
}

/** How exporters lay out a pair of towers, in the order looked for. */
const LAYOUTS: readonly Readonly<Record<Tower, string>>[] = [
  { text: 'textual.onnx', image: 'visual.onnx' },
  { text: 'textual/model.onnx', image: 'visual/model.onnx' },
  { text: 'onnx/text_model.onnx', image: 'onnx/vision_model.onnx' },
  { text: 'text_model.onnx', image: 'vision_model.onnx' },
  { text: 'clip-text/model.onnx', image: 'clip-vision/model.onnx' },
];

/**
 * Finds both towers in a user's folder; a relative path counts from the working directory.
 * Throws a ConfigError that says what was looked for and what lies there.
 */
export async function locateModel(modelPath: string): Promise<ModelFiles> {
  const folder = resolve(modelPath);
  const info = await stat(folder).catch(() => undefined);
  if (!info?.isDirectory()) {
    const found = info ? 'a file' : 'nothing';
    throw new ConfigError(
      `model_path ${modelPath}: expected a folder with textual.onnx and visual.onnx, found ${found} at ${folder}`,
    );
  }
  for (const layout of LAYOUTS) {
    const text = join(folder, layout.text);
    const image = join(folder, layout.image);
    if (!(await isFile(text)) || !(await isFile(image))) continue;
    return { text, image, ...(await findCompanions(folder, { text, image })) };
  }
  throw new ConfigError(await describeMissing(folder));
}

type Companions = Pick<ModelFiles, 'tokenizer' | 'preprocessing' | 'traits'>;

async function findCompanions(
  folder: string,
  { text, image }: Readonly<Record<Tower, string>>,
): Promise<Companions> {
  const tokenizer = await findBeside(folder, text, ['tokenizer.json']);
  const preprocessing = await findBeside(folder, image, ['preprocess_cfg.json', 'preprocessor_config.json']);
  const traits = await findBeside(folder, text, [TRAITS_FILE]);
  return {
    ...(tokenizer && { tokenizer }),
    ...(preprocessing && { preprocessing }),
    ...(traits && { traits }),
  };
}

/** What an exporter wrote for the tower in one ONNX file, whether or not the other tower is there. */
export async function companionsOf(file: string): Promise<Companions> {
  const path = resolve(file);
  const names = LAYOUTS.flatMap(({ text, image }) => [text, image]);
  const name = names.find((known) => path.endsWith(join('/', known))) ?? basename(path);
  return findCompanions(path.slice(0, -name.length - 1), { text: path, image: path });
}

/** The first of the names that lies beside the tower or at the top of the folder. */
async function findBeside(
  folder: string,
  tower: string,
  names: readonly string[],
): Promise<string | undefined> {
  for (const home of new Set([dirname(tower), folder])) {
    for (const name of names) if (await isFile(join(home, name))) return join(home, name);
  }
  return undefined;
}

async function describeMissing(folder: string): Promise<string> {
  const expected = LAYOUTS.map(({ text, image }) => `${text} + ${image}`).join(', or ');
  const wanted = LAYOUTS.flatMap(({ text, image }) => [text, image]);
  const models: string[] = [];
  for (const home of new Set(['.', ...wanted.map((name) => dirname(name))])) {
    const names = await readdir(join(folder, home)).catch(() => []);
    models.push(...names.filter((name) => /\.(onnx|zip)$/.test(name)).map((name) => join(home, name)));
  }
  const half = models.find((name) => wanted.includes(name));
  const found = models.length === 0 ? 'no .onnx file' : models.slice(0, 10).join(', ');
  const hint = half ? ` (${half} is only one of the two towers)` : '';
  return `model_path ${folder}: expected ${expected}; found ${found}${hint}`;
}

async function isFile(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  return info?.isFile() === true;
}
