import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { ClipError } from '../../errors.ts';
import { allTensors, type OnnxModel } from './types.ts';

/**
 * Absolute paths of the files beside an ONNX file that hold its weights, by the location that the graph states. Throws
 * `model_invalid` where one is missing, too short, or outside the model's folder: a model must not make the server read
 * other files.
 */
export async function externalFiles(model: OnnxModel): Promise<Map<string, string>> {
  const needed = new Map<string, number>();
  for (const { external, bytes } of allTensors(model)) {
    if (!external) continue;
    const end = external.offset + Math.max(external.length ?? 0, bytes);
    needed.set(external.location, Math.max(end, needed.get(external.location) ?? 0));
  }
  const paths = new Map<string, string>();
  for (const [location, bytes] of needed) paths.set(location, await checkFile(model.path, location, bytes));
  return paths;
}

async function checkFile(model: string, location: string, bytes: number): Promise<string> {
  const folder = dirname(model);
  const path = resolve(folder, location);
  const outside = () =>
    new ClipError(
      'model_invalid',
      `${model}: expected its weights inside ${folder}, found them at ${location}`,
    );
  if (isAbsolute(location) || !isInside(folder, path)) throw outside();
  const info = await stat(path).catch(() => undefined);
  if (!info?.isFile()) throw new ClipError('model_invalid', `${model}: its weights ${path} are missing`);
  if (info.size < bytes) {
    throw new ClipError(
      'model_invalid',
      `${path}: expected at least ${bytes} bytes of weights, found ${info.size}`,
    );
  }
  // A hub's cache links both files to one folder of blobs; a link anywhere else leads out of the model.
  const real = await realpath(path);
  const homes = [await realpath(folder), dirname(await realpath(model))];
  if (!homes.some((home) => isInside(home, real))) throw outside();
  return path;
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
