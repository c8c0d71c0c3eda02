import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config.ts';
import { filesFromEnvironment } from '../config/files.ts';
import { ClipError } from '../errors.ts';
import { cachePaths } from '../model/cache.ts';
import { type CatalogueModel, findModel, isPacked, resolveModel, TOWERS } from '../model/catalogue.ts';
import { type Inspection, inspectFile } from '../model/inspect.ts';
import { companionsOf, locateModel, type ModelFiles } from '../model/locate.ts';
import { readHints } from '../model/prepare.ts';
import { readTraits } from '../model/traits.ts';
import { describeInspection, servingOf } from './inspection.ts';

const USAGE = `Usage: clip-server inspect [--json] FILE|FOLDER|NAME
Says what an ONNX file holds: which tower, its layers, width and precision, how it is fed, and whether the server rewrites
it. Of a FOLDER or a model's NAME both towers. Nothing is downloaded, and no weights are loaded.`;

/**
 * Prints what the file, or both files of the model, are. Resolves to the exit code: 0 read, 2 for a command line that is
 * wrong. Throws a ConfigError for a place or name that is none; ClipError model_unavailable where the cache lacks a file,
 * model_invalid for what is no ONNX file.
 */
export async function inspect(args: string[]): Promise<number> {
  const { values, positionals } = readArgs(args);
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [target] = positionals;
  if (target === undefined || positionals.length > 1) {
    console.error(USAGE);
    return 2;
  }
  const inspections = await inspectTarget(target);
  if (values.json) {
    const rows = inspections.map(({ file, tower, traits, ...rest }) => ({
      ...file,
      tower,
      traits,
      serving: servingOf({ file, ...rest }),
    }));
    console.log(JSON.stringify(rows, null, 2));
  } else console.log(inspections.map(describeInspection).join('\n\n'));
  return 0;
}

function readArgs(args: string[]) {
  try {
    const options = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}; clip-server inspect --help shows the usage`);
  }
}

/** A file or folder of this name comes before a model. */
async function inspectTarget(target: string): Promise<Inspection[]> {
  const info = await stat(target).catch(() => undefined);
  if (info?.isDirectory()) {
    const files = await locateModel(target);
    return inspectBoth(files, findModel(basename(resolve(target))));
  }
  if (info) {
    const companions = await companionsOf(target);
    return withTraits(companions.traits, [await inspectFile(target, await readHints(companions, undefined))]);
  }
  if (/^[./~]|\.onnx$/.test(target))
    throw new ConfigError(`${target}: expected an ONNX file or a folder with a model, found nothing there`);
  const model = resolveModel(target);
  return inspectBoth(await cachedFiles(model), model);
}

async function inspectBoth(files: ModelFiles, model: CatalogueModel | undefined): Promise<Inspection[]> {
  const hints = await readHints(files, model);
  return withTraits(files.traits, [
    await inspectFile(files.text, hints, { tower: 'text' }),
    await inspectFile(files.image, hints, { tower: 'image' }),
  ]);
}

async function withTraits(path: string | undefined, inspections: Inspection[]): Promise<Inspection[]> {
  if (path === undefined) return inspections;
  const { traits } = await readTraits(path, inspections[0]!.contract?.width);
  return inspections.map((inspection) => ({ ...inspection, traits }));
}

/** Where the cache has both files, verified or not. */
async function cachedFiles(model: CatalogueModel): Promise<ModelFiles> {
  const { cache } = await filesFromEnvironment(process.env);
  const found: Partial<Record<(typeof TOWERS)[number], string>> = {};
  for (const tower of TOWERS) {
    const paths = cachePaths(cache, model, model.files[tower].file);
    for (const path of paths) if (!found[tower] && (await isFile(path))) found[tower] = path;
  }
  const { text, image } = found;
  if (text !== undefined && image !== undefined) return { text, image };
  const missing = TOWERS.filter((tower) => !found[tower]).map((tower) => model.files[tower].file);
  const way = isPacked(model)
    ? 'it was published as an archive only: unpack it and inspect the folder'
    : `"clip-server pull ${model.name}" fetches it`;
  throw new ClipError(
    'model_unavailable',
    `${model.name}: ${missing.join(' and ')} not in the cache ${cache}; ${way}`,
  );
}

async function isFile(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  return info?.isFile() === true;
}
