import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findModel } from '../../model/catalogue.ts';
import type { Tower } from '../../model/tower.ts';
import type { TowerRecipe } from './plan.ts';
import { readRecipeFile } from './recipe-file.ts';

/** The folder of the recipes that come with the program; the same from `src/engine/tensorrt` and from `dist/engine/tensorrt`. */
export const RECIPES_FOLDER = resolve(import.meta.dirname, '../../../engines');

/**
 * How the model's tower is built: by its architecture's file, `ViT-B-32.yml` for all weights of it, else by `default.yml`. `model` is a
 * name of the catalogue or of a folder.
 * @throws ConfigError with file and line; Error where the folder is not there
 */
export async function towerRecipe(
  model: string,
  tower: Tower,
  folder = RECIPES_FOLDER,
): Promise<TowerRecipe> {
  const architecture = findModel(model)?.architecture;
  const own = architecture === undefined ? undefined : await readIfThere(join(folder, `${architecture}.yml`));
  const { text, path } = own ?? (await read(join(folder, 'default.yml')));
  return readRecipeFile(text, path)[tower];
}

async function read(path: string): Promise<{ text: string; path: string }> {
  return { text: await readFile(path, 'utf8'), path };
}

async function readIfThere(path: string): Promise<{ text: string; path: string } | undefined> {
  return read(path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
}
