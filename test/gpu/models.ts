import { existsSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeModel } from '../models/make-model.ts';
import { PRESETS, type Preset } from '../models/presets.ts';

/** CLIP's nine, those first that have to pass. */
export const MODELS = [
  'ViT-B-32',
  'ViT-L-14',
  'RN50',
  'ViT-B-16',
  'ViT-L-14-336',
  'RN101',
  'RN50x4',
  'RN50x16',
  'RN50x64',
] as const satisfies readonly Preset[];

/** Of the weights in float32, for weights, workspace and the largest batches; not measured. */
const MEMORY_SHARE = 3;
/** The context of CUDA, TensorRT's own kernels, small things. */
const MEMORY_BYTES = 2 ** 30;

/** @throws Error for another model than the test generator's */
export function presetOf(name: string): Preset {
  if (name in PRESETS) return name as Preset;
  throw new Error(`expected models of ${MODELS.join(', ')}, got ${name}`);
}

/** A folder with the model's shapes and random weights, kept; its name is the model's, by which recipes are found. */
export async function modelFolder(folder: string, preset: Preset): Promise<string> {
  const path = join(folder, preset);
  if (existsSync(path)) return path;
  const unfinished = `${path}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await makeModel(unfinished, { preset });
  await rename(unfinished, path);
  return path;
}

/** Why a model does not fit into a device's memory, a clause; undefined where it does. */
export async function misfit(path: string, memoryBytes: number): Promise<string | undefined> {
  const files = ['textual.onnx', 'visual.onnx'].map((name) => stat(join(path, name)));
  const weights = (await Promise.all(files)).reduce((sum, { size }) => sum + size, 0);
  const wanted = MEMORY_SHARE * weights + MEMORY_BYTES;
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return wanted <= memoryBytes ? undefined : `it wants ${gib(wanted)}, the GPU has ${gib(memoryBytes)}`;
}
