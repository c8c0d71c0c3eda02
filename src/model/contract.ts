import { ClipError } from '../errors.ts';
import { externalFiles } from './onnx/external-data.ts';
import { allTensors, describeValue, type OnnxModel, type OnnxValue } from './onnx/types.ts';
import type { ElementType, Tower, TowerContract } from './tower.ts';

/** Columns of the ids that CLIP's own tokenizer fills. */
export const CLIP_CONTEXT = 77;

/** Names under which exporters are known to give the vector, the likeliest first. */
const OUTPUT_NAMES: Readonly<Record<Tower, readonly string[]>> = {
  text: ['text_embeds', 'text_embedding', 'embedding', 'output'],
  image: ['image_embeds', 'image_embedding', 'embedding', 'output'],
};

/** What the surroundings of the file say where the graph itself leaves it open. */
export interface ContractHints {
  /** Side of the input in pixels that the model's preprocessing file or name stands for. */
  readonly resolution?: number;
  /** Columns that the folder's own tokenizer fills; undefined where the texts go through CLIP's. */
  readonly tokenizerContext?: number;
}

/** A typed slot of the graph: what is fed or fetched by name. */
interface Slot {
  readonly name: string;
  readonly type: ElementType;
}

/**
 * Establishes from the graph itself how a tower is fed and what it gives. Throws `model_invalid` with everything that
 * was found where one point stays open: a guess would end in wrong vectors.
 */
export async function establishTower(
  model: OnnxModel,
  tower: Tower,
  hints: ContractHints,
): Promise<TowerContract> {
  const external = await externalFiles(model);
  const { output, width } = chooseOutput(model, tower);
  const common = {
    tower,
    path: model.path,
    output,
    ...(width !== undefined && { width }),
    bytes: weightBytes(model),
    externalData: external.size > 0,
  };
  return tower === 'text'
    ? { ...common, ...textInputs(model, hints) }
    : { ...common, ...imageInput(model, hints) };
}

function weightBytes(model: OnnxModel): number {
  let total = 0;
  for (const { bytes } of allTensors(model)) total += bytes;
  return total;
}

type TextPart = Pick<TowerContract, 'input' | 'mask' | 'contextLength' | 'fixedBatch'>;

function textInputs(model: OnnxModel, hints: ContractHints): TextPart {
  const mask = model.inputs.find(({ name }) => name === 'attention_mask');
  const rest = model.inputs.filter((input) => input !== mask);
  const [ids] = rest;
  if (rest.length !== 1 || ids?.dims?.length !== 2 || !isIds(ids.type)) {
    throw refuse(
      model,
      'one input of int32 or int64 ids [rows, columns], and at most an attention_mask beside it',
    );
  }
  if (mask && (!isIds(mask.type) || !sameShape(mask, ids))) {
    throw refuse(model, 'an attention_mask of int32 or int64, shaped like the ids');
  }
  const contextLength = contextOf(model, ids, hints);
  return {
    input: slot(ids),
    ...(mask && { mask: slot(mask) }),
    contextLength,
    ...batchOf(model, ids),
  };
}

function contextOf(model: OnnxModel, ids: OnnxValue, { tokenizerContext }: ContractHints): number {
  const columns = ids.dims?.[1];
  if (typeof columns !== 'number') return tokenizerContext ?? CLIP_CONTEXT;
  if (columns !== CLIP_CONTEXT && tokenizerContext === undefined) {
    throw refuse(
      model,
      `ids of ${CLIP_CONTEXT} columns, or a tokenizer.json beside the model that says how to fill others`,
    );
  }
  return columns;
}

type ImagePart = Pick<TowerContract, 'input' | 'resolution' | 'layout' | 'fixedBatch'>;

function imageInput(model: OnnxModel, hints: ContractHints): ImagePart {
  const [pixels] = model.inputs;
  const layout = pixels && layoutOf(pixels);
  if (model.inputs.length !== 1 || !pixels || !layout) {
    throw refuse(model, 'one input of pixels: float32 or float16 [rows, 3, R, R], or uint8 [rows, R, R, 3]');
  }
  const [height, width] = layout === 'nchw' ? pixels.dims!.slice(2) : pixels.dims!.slice(1);
  return {
    input: slot(pixels),
    layout,
    resolution: resolutionOf(model, height, width, hints),
    ...batchOf(model, pixels),
  };
}

function layoutOf({ type, dims }: OnnxValue): 'nchw' | 'nhwc' | undefined {
  if (dims?.length !== 4) return undefined;
  if (type === 'uint8') return dims[3] === 3 ? 'nhwc' : undefined;
  if (type !== 'float32' && type !== 'float16') return undefined;
  // An open second axis is channels by every exporter's habit; an open one beside a last axis of 3 is not.
  return dims[1] === 3 || (typeof dims[1] === 'string' && dims[3] !== 3) ? 'nchw' : undefined;
}

function resolutionOf(
  model: OnnxModel,
  height: number | string | undefined,
  width: number | string | undefined,
  hints: ContractHints,
): number {
  if (typeof height === 'number' && height === width && height > 0) return height;
  if (typeof height === 'number' || typeof width === 'number')
    throw refuse(model, 'a square input of pixels');
  if (hints.resolution !== undefined) return hints.resolution;
  throw refuse(
    model,
    'height and width as numbers in the graph, or a model name of the catalogue that says how many pixels a side has',
  );
}

function batchOf(model: OnnxModel, input: OnnxValue): { fixedBatch?: number } {
  const rows = input.dims?.[0];
  if (typeof rows !== 'number') return {};
  if (rows < 1) throw refuse(model, 'at least one row per run');
  return { fixedBatch: rows };
}

/** The output whose name says that it is the vector, else the only one that can be. */
function chooseOutput(model: OnnxModel, tower: Tower): { output: Slot; width?: number } {
  const able = model.outputs.filter(
    ({ type, dims }) =>
      (type === 'float32' || type === 'float16') && (dims === undefined || dims.length === 2),
  );
  const named = OUTPUT_NAMES[tower].map((name) => able.find((output) => output.name === name)).find(Boolean);
  const chosen = named ?? (able.length === 1 ? able[0] : undefined);
  if (!chosen) {
    const names = OUTPUT_NAMES[tower].join(', ');
    throw refuse(
      model,
      `one output of float32 or float16 vectors [rows, width], or one of them called ${names}`,
    );
  }
  const width = chosen.dims?.[1];
  if (width === undefined || typeof width === 'string') return { output: slot(chosen) };
  if (width < 1) throw refuse(model, 'vectors of at least one component');
  return { output: slot(chosen), width };
}

function isIds(type: string): boolean {
  return type === 'int32' || type === 'int64';
}

/** Symbols of one axis may differ between inputs; numbers may not. */
function sameShape(a: OnnxValue, b: OnnxValue): boolean {
  const agrees = (dim: number | string, at: number) =>
    typeof dim !== 'number' || typeof b.dims![at] !== 'number' || dim === b.dims![at];
  return a.dims?.length === b.dims?.length && a.dims!.every(agrees);
}

function slot({ name, type }: OnnxValue): Slot {
  return { name, type: type as ElementType };
}

function refuse(model: OnnxModel, expected: string): ClipError {
  const inputs = model.inputs.map(describeValue).join('; ') || 'none';
  const outputs = model.outputs.map(describeValue).join('; ') || 'none';
  return new ClipError(
    'model_invalid',
    `${model.path} cannot be served: expected ${expected}; found inputs ${inputs} and outputs ${outputs}`,
  );
}
