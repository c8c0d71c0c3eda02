import { ClipError } from '../errors.ts';
import { CLIP_CONTEXT } from './contract.ts';
import { readJsonFile } from './json-file.ts';

/** CLIP's normalisation; SigLIP's and others' differ, and a picture prepared the wrong way gives a wrong vector. */
export const MEAN = [0.48145466, 0.4578275, 0.40821073];
export const STD = [0.26862954, 0.26130258, 0.27577711];
const TOLERANCE = 1e-3;
/** Pillow's number for bicubic, which Hugging Face files use. */
const PILLOW_BICUBIC = 3;

type Json = Record<string, unknown>;

/**
 * Reads a preprocessing file that an exporter left (open_clip's `preprocess_cfg.json`, Hugging Face's
 * `preprocessor_config.json`) and returns the side in pixels that it states. Throws `model_invalid` where it asks for
 * anything but CLIP's way: bicubic on the short side, centre crop, CLIP's mean and deviation.
 */
export async function readRecipe(path: string): Promise<number | undefined> {
  const recipe = await readJsonFile(path);
  const expect = (what: string, holds: boolean, found: unknown) => {
    if (holds) return;
    const expected = `expected CLIP's preprocessing (${what})`;
    throw new ClipError('model_invalid', `${path}: ${expected}, found ${JSON.stringify(found) ?? 'none'}`);
  };
  const isHub = 'image_mean' in recipe || 'crop_size' in recipe || 'do_resize' in recipe;
  const mean = isHub ? recipe.image_mean : recipe.mean;
  const std = isHub ? recipe.image_std : recipe.std;
  expect(`mean ${MEAN}`, near(mean, MEAN), mean);
  expect(`standard deviation ${STD}`, near(std, STD), std);
  if (isHub) {
    expect('resample 3, bicubic', recipe.resample === PILLOW_BICUBIC, recipe.resample);
    expect('do_center_crop true', recipe.do_center_crop === true, recipe.do_center_crop);
    expect('do_resize', recipe.do_resize !== false, recipe.do_resize);
    expect('do_normalize', recipe.do_normalize !== false, recipe.do_normalize);
    return side(recipe.crop_size);
  }
  expect('interpolation bicubic', isOr(recipe.interpolation, 'bicubic'), recipe.interpolation);
  expect('resize_mode shortest', isOr(recipe.resize_mode, 'shortest'), recipe.resize_mode);
  return side(recipe.size);
}

/** Columns that a `tokenizer.json` fills: where it truncates, else CLIP's. */
export async function readTokenizerContext(path: string): Promise<number> {
  const { truncation } = await readJsonFile(path);
  const length = (truncation as Json | null | undefined)?.max_length;
  return Number.isInteger(length) && Number(length) > 0 ? Number(length) : CLIP_CONTEXT;
}

function near(found: unknown, expected: readonly number[]): boolean {
  return (
    Array.isArray(found) &&
    found.length === expected.length &&
    expected.every((value, at) => Math.abs(value - Number(found[at])) <= TOLERANCE)
  );
}

/** open_clip leaves a key out where it keeps its default. */
function isOr(found: unknown, expected: string): boolean {
  return found === undefined || found === expected;
}

/** 224, [224, 224] or {height: 224, width: 224}. */
function side(size: unknown): number | undefined {
  const sides = typeof size === 'object' && size !== null ? Object.values(size) : [size];
  const [first] = sides;
  return sides.every((value) => value === first) && Number.isInteger(first) ? Number(first) : undefined;
}
