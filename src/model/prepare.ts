import { basename, resolve } from 'node:path';
import type { FilesConfig } from '../config/config.ts';
import { ClipError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import { activationDoubt } from './activation.ts';
import { type CatalogueModel, findModel, resolveModel } from './catalogue.ts';
import { type ContractHints, establishTower } from './contract.ts';
import { locateModel, type ModelFiles } from './locate.ts';
import { OBTAIN_LIMITS, type ObtainHooks, type ObtainLimits, obtainTower } from './obtain.ts';
import { readOnnx } from './onnx/read.ts';
import type { OpenPart } from './part-file.ts';
import type { OnProgress } from './progress.ts';
import { readRecipe, readTokenizerContext } from './recipe.ts';
import type { ModelContract, TowerContract } from './tower.ts';
import { readTraits } from './traits.ts';

export interface PrepareHooks {
  readonly progress: OnProgress;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Proxies, `HF_ENDPOINT`, `HF_TOKEN`; the process's own by default. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly limits?: Partial<ObtainLimits>;
  readonly openPart?: OpenPart;
}

export interface PreparedModel {
  readonly contract: ModelContract;
  /** Sentences to log: doubts that do not forbid serving. */
  readonly warnings: readonly string[];
}

/**
 * From a model's name, or a folder that replaces the download, to the contract of both towers.
 * Throws a ConfigError for an unknown name or an unfit folder, `model_unavailable` where files cannot be fetched,
 * `model_invalid` where they are not a CLIP that can be served.
 */
export async function prepareModel(
  wanted: { readonly name: string; readonly modelPath?: string },
  files: FilesConfig,
  hooks: PrepareHooks,
): Promise<PreparedModel> {
  if (wanted.modelPath === undefined) {
    const model = resolveModel(wanted.name);
    const found = await fetchModel(model, files, hooks);
    return establish(model.name, found, model, true, hooks.signal);
  }
  const found = await locateModel(wanted.modelPath);
  const name = basename(resolve(wanted.modelPath));
  return establish(name, found, findModel(wanted.name), false, hooks.signal);
}

/** Both files of a catalogue's model, verified. */
export async function fetchModel(
  model: CatalogueModel,
  files: FilesConfig,
  hooks: PrepareHooks,
): Promise<ModelFiles> {
  const full: ObtainHooks = {
    ...hooks,
    environment: hooks.environment ?? process.env,
    limits: { ...OBTAIN_LIMITS, ...hooks.limits },
  };
  const text = await obtainTower(model, 'text', files, full);
  const image = await obtainTower(model, 'image', files, full);
  return { text, image };
}

/** `model` is what the name stands for; `isPublished` says that the files are its own and must match it in every point. */
async function establish(
  name: string,
  files: ModelFiles,
  model: CatalogueModel | undefined,
  isPublished: boolean,
  signal: AbortSignal,
): Promise<PreparedModel> {
  const { recipeSide, ...hints } = await readHints(files, model);
  const textModel = await readOnnx(files.text, signal);
  const imageModel = await readOnnx(files.image, signal);
  const text = await establishTower(textModel, 'text', hints);
  const image = await establishTower(imageModel, 'image', hints);
  requireEqualWidths(text, image);
  if (recipeSide && image.resolution !== recipeSide) {
    throw new ClipError(
      'model_invalid',
      `${image.path} takes ${image.resolution} pixels a side, but ${files.preprocessing} says ${recipeSide}`,
    );
  }
  const doubts = model ? differences(text, image, model) : [];
  if (isPublished && doubts.length > 0) throw new ClipError('model_invalid', doubts.join('; '));
  const activations =
    model?.weights === 'openai'
      ? [await activationDoubt(textModel, text, signal), await activationDoubt(imageModel, image, signal)]
      : [];
  const given = files.traits ? await readTraits(files.traits, text.width ?? image.width) : undefined;
  const warnings = [...doubts, ...activations, ...(given?.warnings ?? [])].filter(
    (doubt) => doubt !== undefined,
  );
  const contract = {
    name,
    text,
    image,
    ...(files.tokenizer && { tokenizerFile: files.tokenizer }),
    ...(given && { traits: given.traits }),
  };
  return { contract, warnings };
}

/** What lies beside the towers, and the model's name, say of them. `recipeSide` is what the preprocessing file asks for. */
export async function readHints(
  files: Pick<ModelFiles, 'tokenizer' | 'preprocessing'>,
  model: CatalogueModel | undefined,
): Promise<ContractHints & { readonly recipeSide?: number }> {
  const recipeSide = files.preprocessing && (await readRecipe(files.preprocessing));
  const resolution = recipeSide || model?.resolution;
  const tokenizerContext = files.tokenizer && (await readTokenizerContext(files.tokenizer));
  return {
    ...(recipeSide && { recipeSide }),
    ...(resolution && { resolution }),
    ...(tokenizerContext && { tokenizerContext }),
  };
}

function requireEqualWidths(text: TowerContract, image: TowerContract): void {
  if (text.width === undefined || image.width === undefined || text.width === image.width) return;
  throw new ClipError(
    'model_invalid',
    `the towers do not belong together: ${text.path} gives ${text.width} components, ${image.path} gives ${image.width}`,
  );
}

/** Where the files contradict what the model's name stands for. */
function differences(text: TowerContract, image: TowerContract, model: CatalogueModel): string[] {
  const sentences: string[] = [];
  const compare = (what: string, path: string, found: number | undefined, expected: number) => {
    if (found === undefined || found === expected) return;
    sentences.push(`${path}: ${model.name} has ${what} ${expected}, this file has ${found}`);
  };
  compare('vectors of width', text.path, text.width, model.width);
  compare('vectors of width', image.path, image.width, model.width);
  compare('pictures of side', image.path, image.resolution, model.resolution);
  return sentences;
}
