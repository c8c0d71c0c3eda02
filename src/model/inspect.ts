import { ClipError } from '../errors.ts';
import type { TowerArchitecture, Transformer } from './architecture/architecture.ts';
import { recognise } from './architecture/recognise.ts';
import { type ContractHints, establishTower } from './contract.ts';
import { elementCount } from './onnx/elements.ts';
import { externalFiles } from './onnx/external-data.ts';
import { readOnnx } from './onnx/read.ts';
import { allTensors, type OnnxModel, type OnnxValue, withNested } from './onnx/types.ts';
import type { Tower, TowerContract } from './tower.ts';
import type { ModelTraits } from './traits.ts';

/** What an ONNX file says of itself, whatever it holds. */
export interface FileFacts {
  /** Absolute path. */
  readonly path: string;
  /** Of the ONNX file alone. */
  readonly fileBytes: number;
  readonly producer: string;
  readonly irVersion: number;
  /** Operator set by domain; `ai.onnx` is ONNX's own. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** How often each operator stands in the graph, the most frequent first. */
  readonly operators: Readonly<Record<string, number>>;
  /** Elements of its weights and constants that are no indices. */
  readonly parameters: number;
  /** Of these, external data included. */
  readonly parameterBytes: number;
  readonly parameterTypes: readonly string[];
  /** Names of the files that hold weights, from the file's folder. */
  readonly externalFiles: readonly string[];
}

/** What the recogniser made of a tower. */
export interface TowerFacts {
  readonly family: TowerArchitecture['family'];
  /** Residual blocks; of a ResNet per stage. */
  readonly layers: number | readonly number[];
  /** Of the residual stream; of a ResNet after the stem. */
  readonly width: number;
  /** Of a block; of a ResNet in its pooling. */
  readonly heads: number;
  readonly activation: 'quick_gelu' | 'gelu' | 'relu';
  /** Components of the vector. */
  readonly outputWidth: number;
  readonly normalised: boolean;
  readonly precision: TowerArchitecture['precision'];
  /** Image: side of the input in pixels. */
  readonly resolution?: number;
  /** ViT: side of a patch in pixels. */
  readonly patch?: number;
  /** Text: tokens at most. */
  readonly context?: number;
  readonly vocabulary?: number;
  /** Text: which row becomes the vector. */
  readonly endToken?: 'largest id' | `first ${number}`;
}

export interface Inspection {
  readonly file: FileFacts;
  /** Absent for a file that no tower can be served from; `refusal` says why. */
  readonly contract?: TowerContract;
  readonly refusal?: string;
  /** Absent where the structure is not recognised; `unrecognised` says why. */
  readonly tower?: TowerFacts;
  readonly unrecognised?: string;
  /** Of the model whose tower it is; absent where no `model.json` lies beside it. */
  readonly traits?: ModelTraits;
}

/**
 * Reads one ONNX file without its weights, and says what it is. `tower` is what it is meant to be; left out, the inputs
 * tell.
 * @throws ClipError model_invalid for what is no ONNX file, or one whose weights are missing or out of place
 */
export async function inspectFile(
  path: string,
  hints: ContractHints,
  given: { readonly tower?: Tower; readonly signal?: AbortSignal } = {},
): Promise<Inspection> {
  const model = await readOnnx(path, given.signal);
  const file = await factsOf(model);
  const tower = given.tower ?? towerOf(model);
  if (!tower)
    return { file, refusal: 'no input is of ids [rows, columns] or of pixels [rows, 3, height, width]' };
  let contract: TowerContract;
  try {
    contract = await establishTower(model, tower, hints);
  } catch (error) {
    if (ClipError.from(error).code !== 'model_invalid') throw error;
    return { file, refusal: (error as Error).message };
  }
  const recognition = await recognise(model, contract, given.signal);
  return 'reason' in recognition
    ? { file, contract, unrecognised: recognition.reason }
    : { file, contract, tower: describeTower(recognition.architecture) };
}

/** Which tower a graph can be by its inputs. */
function towerOf({ inputs }: OnnxModel): Tower | undefined {
  if (inputs.some(({ dims }) => dims?.length === 4)) return 'image';
  if (inputs.some(({ type, dims }) => dims?.length === 2 && type.startsWith('int'))) return 'text';
  return undefined;
}

async function factsOf(model: OnnxModel): Promise<FileFacts> {
  const { path, fileBytes, producer, irVersion, opsets, inputs, outputs } = model;
  const types = new Set<string>();
  let [parameters, parameterBytes] = [0, 0];
  for (const { type, dims, bytes } of allTensors(model)) {
    if (/^(int64|bool|string)$/.test(type)) continue;
    types.add(type);
    parameters += elementCount(dims);
    parameterBytes += bytes;
  }
  return {
    path,
    fileBytes,
    producer,
    irVersion,
    opsets: Object.fromEntries([...opsets].map(([domain, version]) => [domain || 'ai.onnx', version])),
    inputs,
    outputs,
    operators: countOperators(model),
    parameters,
    parameterBytes,
    parameterTypes: [...types],
    externalFiles: [...(await externalFiles(model)).keys()],
  };
}

function countOperators(model: OnnxModel): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { nodes } of withNested(model)) {
    for (const { operator, domain } of nodes) {
      const name = domain === '' ? operator : `${domain}.${operator}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

function describeTower(architecture: TowerArchitecture): TowerFacts {
  const { family, outputWidth, normalised, precision } = architecture;
  const common = { family, outputWidth, normalised, precision };
  if (architecture.family === 'text') {
    const { tokens, positions, endToken, transformer } = architecture;
    return {
      ...common,
      ...describeBlocks(transformer),
      context: positions.dims[0]!,
      vocabulary: tokens.dims[0]!,
      endToken: endToken.rule === 'largest' ? 'largest id' : `first ${endToken.id}`,
    };
  }
  const { resolution } = architecture;
  if (architecture.family === 'vit') {
    const { patch, transformer } = architecture;
    return { ...common, ...describeBlocks(transformer), resolution, patch: patch.weight.dims[2]! };
  }
  const { stem, stages, pool } = architecture;
  return {
    ...common,
    layers: stages.map(({ length }) => length),
    width: stem[2].weight.dims[0]!,
    heads: pool.heads,
    activation: 'relu',
    resolution,
  };
}

function describeBlocks({ blocks, width, heads, activation }: Transformer) {
  return { layers: blocks.length, width, heads, activation };
}
