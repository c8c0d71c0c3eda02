import { ConfigError } from '../config/config.ts';
import { distance } from '../config/spelling.ts';
import { ARCHITECTURES, OTHER_TOKENIZER, PACKED, PUBLISHED, type PublishedRow } from './published.ts';
import type { Tower } from './tower.ts';

export const TOWERS: readonly Tower[] = ['text', 'image'];

/** One published file of a model. */
export interface PublishedFile {
  /** Name inside the model's folder. */
  readonly file: string;
  /** Lower-case hexadecimal. */
  readonly md5: string;
  /** Size to expect, within a few percent: float32 weights without the graph around them. */
  readonly approximateBytes: number;
}

export interface CatalogueModel {
  /** `ARCH::WEIGHTS`. */
  readonly name: string;
  readonly architecture: string;
  readonly weights: string;
  /** Names under which users know the same files. */
  readonly aliases: readonly string[];
  /** Folder of the published files on the sources. */
  readonly folder: string;
  /** Length of a vector. */
  readonly width: number;
  /** Side of the square input in pixels. */
  readonly resolution: number;
  readonly files: Readonly<Record<Tower, PublishedFile>>;
}

export const CATALOGUE: readonly CatalogueModel[] = PUBLISHED.map(readRow);

function readRow([name, folder, textMd5, imageMd5, ...aliases]: PublishedRow): CatalogueModel {
  const [architecture, weights] = name.split('::') as [string, string];
  const [width, resolution, textMegabytes, imageMegabytes] = ARCHITECTURES[architecture]!;
  const published = (file: string, md5: string, megabytes: number): PublishedFile => ({
    file,
    md5,
    approximateBytes: megabytes * 1e6,
  });
  return {
    name,
    architecture,
    weights,
    aliases,
    folder,
    width,
    resolution,
    files: {
      text: published('textual.onnx', textMd5, textMegabytes),
      image: published(PACKED.has(name) ? 'visual.zip' : 'visual.onnx', imageMd5, imageMegabytes),
    },
  };
}

/** True where a tower was published only as an archive, which is not unpacked here. */
export function isPacked(model: CatalogueModel): boolean {
  return TOWERS.some((tower) => model.files[tower].file.endsWith('.zip'));
}

/** Spelling that no two models share: `/`, `_`, `@` and `::` read as `-`, case does not count. */
function spelling(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[/_@:\s-]+/g, '-');
}

/** Every spelling of a model: `ViT-L/14@336px`, `ViT-L-14-336`, `ViT-L-14-336-quickgelu::openai`, `ViT-L-14-336__openai`. */
function spellings(model: CatalogueModel): string[] {
  const quick = `${model.architecture}-quickgelu::${model.weights}`;
  const bare = model.weights === 'openai' ? [model.architecture, quick] : [];
  return [model.name, ...bare, ...model.aliases].map(spelling);
}

const BY_SPELLING = new Map(
  CATALOGUE.flatMap((model) => spellings(model).map((key) => [key, model] as const)),
);
const OTHERS = new Set(OTHER_TOKENIZER.map(spelling));

/** The catalogue's model for a name as a user wrote it; undefined where there is none. */
export function findModel(name: string): CatalogueModel | undefined {
  return BY_SPELLING.get(spelling(name));
}

/** As `findModel`; throws a ConfigError with the nearest names and the list where there is none. */
export function resolveModel(name: string): CatalogueModel {
  const model = findModel(name);
  if (model) return model;
  if (OTHERS.has(spelling(name))) {
    throw new ConfigError(
      `model ${name}: its texts need another tokenizer than CLIP's byte pairs, and without it every text vector would ` +
        'be wrong. To serve it, put textual.onnx, visual.onnx and its tokenizer.json into one folder and name that in model_path.',
    );
  }
  const near = nearestNames(name);
  const list = CATALOGUE.map((entry) => `  ${[entry.name, ...entry.aliases].join(', ')}`).join('\n');
  throw new ConfigError(
    `model ${name} is not in the catalogue${near.length > 0 ? `; did you mean ${near.join(' or ')}?` : '.'}\n` +
      `Known models:\n${list}\nA model of your own is named by its folder in model_path.`,
  );
}

/** Up to three canonical names whose spelling is near. */
function nearestNames(name: string): string[] {
  const wanted = spelling(name);
  const scored = [...BY_SPELLING].map(([key, model]) => ({ model, slips: distance(wanted, key) }));
  const near = scored
    .filter(({ slips }) => slips <= Math.max(2, wanted.length / 4))
    .sort((a, b) => a.slips - b.slips);
  return [...new Set(near.map(({ model }) => model.name))].slice(0, 3);
}
