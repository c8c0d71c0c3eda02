import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { TowerArchitecture } from '../../../src/model/architecture/architecture.ts';
import { Constants } from '../../../src/model/onnx/constants/constants.ts';
import { GraphLinks } from '../../../src/model/onnx/links.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';
import type { OnnxAttribute, OnnxTensor, OnnxValue } from '../../../src/model/onnx/types.ts';
import {
  type WrittenAttribute,
  type WrittenModel,
  type WrittenTensor,
  type WrittenType,
  type WrittenValue,
  writeOnnx,
} from '../../../src/model/onnx/write.ts';
import type { RewriteOptions } from '../../../src/model/rewrite/options.ts';
import { rewriteTower } from '../../../src/model/rewrite/rewrite.ts';
import type { TowerContract } from '../../../src/model/tower.ts';
import type { ModelOptions } from '../../models/options.ts';
import type { Preset } from '../../models/presets.ts';
import { testModel } from '../../models/test-model.ts';

export const PLAIN: RewriteOptions = {
  columns: 'context',
  end: 'found',
  pixels: 'float32',
  precision: 'fp32',
};

const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'clip-rewrite-'));
  folders.push(folder);
  return folder;
}

/** A folder of the test's own with both original towers. */
export async function originals(preset: Preset, options: Omit<ModelOptions, 'preset'> = {}): Promise<string> {
  const folder = await emptyFolder();
  // Not what servers of other tests may have put beside them.
  const filter = (path: string) =>
    !basename(path).startsWith('.textual') && !basename(path).startsWith('.visual');
  await cp(await testModel(preset, options), folder, { recursive: true, filter });
  return folder;
}

let rewritten = 0;

/** Rewrites beside the original. */
export function rewrite(
  architecture: TowerArchitecture,
  folder: string,
  options: Partial<RewriteOptions> = {},
): Promise<TowerContract> {
  const target = join(folder, `rewritten-${rewritten++}.onnx`);
  return rewriteTower(architecture, { ...PLAIN, ...options }, target, new AbortController().signal);
}

export type Feeds = Record<string, Tensor>;

/** The first output, one array per row. */
export async function run(path: string, feeds: Feeds): Promise<Float32Array[]> {
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  try {
    const output = (await session.run(feeds))[session.outputNames[0]!]!;
    const [rows, width] = output.dims as [number, number];
    const data = output.data as Float32Array;
    return Array.from({ length: rows }, (_, i) => data.slice(i * width, (i + 1) * width));
  } finally {
    await session.release();
  }
}

/** The largest difference is at most 1e-5 of the largest component, and the directions agree to 1e-7. */
export function assertEqual(actual: readonly Float32Array[], expected: readonly Float32Array[]): void {
  assert.equal(actual.length, expected.length);
  for (const [i, row] of expected.entries()) {
    const difference = row.reduce((most, x, j) => Math.max(most, Math.abs(x - actual[i]![j]!)), 0);
    const largest = row.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    assert.ok(difference <= 1e-5 * largest, `row ${i} differs by ${difference}, its largest is ${largest}`);
    assertClose([actual[i]!], [row], 0.9999999);
  }
}

export function assertClose(
  actual: readonly Float32Array[],
  expected: readonly Float32Array[],
  least: number,
): void {
  assert.equal(actual.length, expected.length);
  for (const [i, row] of expected.entries()) {
    const dot = row.reduce((sum, x, j) => sum + x * actual[i]![j]!, 0);
    const cosine = dot / Math.hypot(...row) / Math.hypot(...actual[i]!);
    assert.ok(cosine >= least, `row ${i} has a cosine of ${cosine}, expected ${least}`);
  }
}

export const START = 49_406;
export const END = 49_407;

/** int32 ids [rows, columns]; what is longer is cut, what is shorter is filled with `pad`. */
export function ids(texts: readonly (readonly number[])[], columns = 77, pad = 0): Tensor {
  const data = new Int32Array(texts.length * columns).fill(pad);
  for (const [i, text] of texts.entries()) data.set(text.slice(0, columns), i * columns);
  return new Tensor('int32', data, [texts.length, columns]);
}

export function pixels(rows: number, resolution: number): Tensor {
  const data = Float32Array.from({ length: rows * 3 * resolution ** 2 }, (_, i) =>
    Math.sin(i * 0.37 + i ** 0.5),
  );
  return new Tensor('float32', data, [rows, 3, resolution, resolution]);
}

const FLOAT32 = 1;
const BFLOAT16 = 16;

/**
 * A bfloat16 graph with all arithmetic in float32, since ONNX Runtime's CPU has no bfloat16: the nodes, the casts' places and
 * the rounded weights are the graph's own.
 */
export async function inFloat32(path: string): Promise<string> {
  const model = await readOnnx(path);
  const constants = await Constants.of(new GraphLinks(model));
  const value = ({ name, type, dims }: OnnxValue): WrittenValue => ({
    name,
    type: type as WrittenType,
    dims: dims!,
  });
  const attribute = ({ kind, value }: OnnxAttribute) =>
    kind === 'float'
      ? { float: value as number }
      : value === BFLOAT16
        ? FLOAT32
        : (value as WrittenAttribute);
  const tensor = async ({ name, type, dims, data }: OnnxTensor): Promise<WrittenTensor> => {
    const floats = await constants.weight(name)?.read();
    if (!floats) return { name, type: type as WrittenType, dims, content: data! };
    return { name, type: 'float32', dims, content: new Uint8Array(Float32Array.from(floats).buffer) };
  };
  const nodes = model.nodes.map((node) => ({
    ...node,
    attributes: Object.fromEntries([...node.attributes].map(([name, stated]) => [name, attribute(stated)])),
  }));
  const wide: WrittenModel = {
    ...model,
    name: 'wide',
    opsets: Object.fromEntries(model.opsets),
    metadata: {},
    inputs: model.inputs.map(value),
    outputs: model.outputs.map(value),
    nodes,
    tensors: await Promise.all(model.tensors.map(tensor)),
  };
  await writeOnnx(`${path}.wide.onnx`, wide);
  return `${path}.wide.onnx`;
}
