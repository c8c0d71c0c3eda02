import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ClipError } from '../../errors.ts';
import type { TowerArchitecture } from '../architecture/architecture.ts';
import { encodeOnnx, type WrittenModel } from '../onnx/write.ts';
import type { TowerContract } from '../tower.ts';
import { towerContract } from './contract.ts';
import { GraphDraft } from './draft.ts';
import type { RewriteOptions } from './options.ts';
import { buildResNet } from './resnet.ts';
import { buildText } from './text.ts';
import { buildVisionTransformer } from './vision-transformer.ts';
import { type Located, locateWeights, writeWeights, writtenTensor } from './weights.ts';

/** Raised with every change of what is written, so that kept files of earlier versions are not used. */
export const REWRITER_VERSION = 2;

/**
 * Writes the tower anew to `target`, with `TARGET.data` beside it where weights had to be computed; the others stay in the
 * files that the architecture was read from if those lie in the target's folder or below. Equal arguments give equal bytes.
 * Files take their names when they are whole, the data first; nothing is left behind where that fails.
 *
 * @returns how the file is fed
 * @throws ClipError model_invalid for weights that the precision cannot hold; model_unavailable where the files cannot be
 *   written; the signal's reason
 */
export async function rewriteTower(
  architecture: TowerArchitecture,
  options: RewriteOptions,
  target: string,
  signal: AbortSignal,
): Promise<TowerContract> {
  const path = resolve(target);
  const draft = draw(architecture, options);
  const dataPath = `${path}.data`;
  const located = locateWeights(draft.weights.values(), dirname(path), dataPath);
  const bytes = encodeOnnx(model(draft, located, options), dirname(path));
  const mark = randomUUID();
  const unfinished = (file: string) => `${file}.${mark}`;
  const hasData = located.some(({ isComputed }) => isComputed);
  try {
    if (hasData) await writeWeights(unfinished(dataPath), located, signal);
    await writeWhole(unfinished(path), bytes);
    signal.throwIfAborted();
    if (hasData) await rename(unfinished(dataPath), dataPath);
    await rename(unfinished(path), path);
  } catch (thrown) {
    for (const file of [path, dataPath]) await rm(unfinished(file), { force: true }).catch(() => {});
    throw explain(thrown, path);
  }
  return towerContract(architecture, options, path, located);
}

function draw(architecture: TowerArchitecture, options: RewriteOptions): GraphDraft {
  const draft = new GraphDraft(options.precision);
  if (architecture.family === 'text') buildText(draft, architecture, options);
  else if (architecture.family === 'vit') buildVisionTransformer(draft, architecture, options);
  else buildResNet(draft, architecture, options);
  return draft;
}

function model(draft: GraphDraft, located: readonly Located[], options: RewriteOptions): WrittenModel {
  const isBrain = options.precision === 'bf16';
  return {
    name: 'clip',
    producer: 'clip-server',
    // Convolutions take bfloat16 from operator set 22 on, which needs version 10; the rest is written alike in both.
    irVersion: isBrain ? 10 : 8,
    opsets: { '': isBrain ? 22 : 18 },
    metadata: { rewriter: String(REWRITER_VERSION), ...options },
    inputs: draft.inputs,
    outputs: draft.outputs,
    tensors: [...draft.constants.values(), ...located.map(writtenTensor)],
    nodes: draft.nodes,
  };
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function explain(thrown: unknown, path: string): unknown {
  const { code, message } = thrown as NodeJS.ErrnoException;
  if (thrown instanceof ClipError || code === undefined || !('syscall' in (thrown as Error))) return thrown;
  return new ClipError('model_unavailable', `the rewritten model cannot be written to ${path}: ${message}`, {
    cause: thrown,
  });
}
