import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { integer, prefix, text } from '../../src/model/onnx/encode.ts';
import {
  encodeExternal,
  encodeNode,
  encodeTail,
  encodeTensorHead,
  encodeValue,
} from '../../src/model/onnx/write.ts';
import type { Graph, Tensor } from './graph.ts';
import { gaussianFill } from './random.ts';

/** Versions of the format that clip-as-service's own files have or are read alike. */
const IR_VERSION = 8;
const OPSET = 17;
const CHUNK = 2 ** 20;
const EXTERNAL_FROM_BYTES = 1024;
/** Mapped files begin at page borders. */
const ALIGNMENT = 4096;

export interface FileOptions {
  /** All weights follow from this and their names. */
  readonly seed: string;
  /** Puts tensors from 1 KiB into `PATH.data`. */
  readonly external: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Writes `graph` to `path` in one pass; memory does not grow with the weights. */
export async function writeOnnxFile(path: string, graph: Graph, options: FileOptions): Promise<void> {
  const file = await open(path, 'w');
  try {
    const tensors = locate(graph.tensors, path, options.external);
    await writeModel(file, graph, tensors, options);
  } finally {
    await file.close();
  }
  if (options.external) await writeExternal(path, graph.tensors, options.seed);
}

/** A tensor's encoded fields without its bytes; `inline` bytes follow in the file. */
interface Located {
  readonly tensor: Tensor;
  readonly head: Buffer;
  readonly inline: number;
}

async function writeModel(
  file: FileHandle,
  graph: Graph,
  tensors: readonly Located[],
  options: FileOptions,
): Promise<void> {
  const nodes = graph.nodes.map(({ type, ...node }) => encodeNode({ operator: type, ...node }));
  const before = Buffer.concat([...nodes, text(2, graph.name)]);
  const after = Buffer.concat([
    ...graph.inputs.map(({ shape, ...port }) => encodeValue(11, { ...port, dims: shape })),
    ...graph.outputs.map(({ shape, ...port }) => encodeValue(12, { ...port, dims: shape })),
  ]);
  const sizes = tensors.map(({ head, inline }) => head.length + inline);
  const tensorBytes = sizes.reduce((sum, size) => sum + prefix(5, size).length + size, 0);
  await file.writeFile(Buffer.concat([integer(1, IR_VERSION), text(2, 'clip-server test models')]));
  await file.writeFile(prefix(7, before.length + tensorBytes + after.length));
  await file.writeFile(before);
  for (const [i, { tensor, head, inline }] of tensors.entries()) {
    await file.writeFile(Buffer.concat([prefix(5, sizes[i]!), head]));
    if (inline > 0) await writeContent(file, tensor, options.seed);
  }
  const { metadata } = options;
  await file.writeFile(Buffer.concat([after, ...encodeTail({ opsets: { '': OPSET }, metadata })]));
}

async function writeContent(file: FileHandle, tensor: Tensor, seed: string): Promise<void> {
  const { content, name, shape } = tensor;
  if (content instanceof Uint8Array) return file.writeFile(content);
  const fill = gaussianFill(`${seed} ${name}`, content.mean, content.std);
  const count = elements(shape);
  const buffer = new Float32Array(Math.min(CHUNK, count));
  for (let start = 0; start < count; start += CHUNK) {
    const part = buffer.subarray(0, Math.min(CHUNK, count - start));
    fill(part);
    await file.writeFile(new Uint8Array(part.buffer, 0, part.byteLength));
  }
}

async function writeExternal(path: string, tensors: readonly Tensor[], seed: string): Promise<void> {
  const file = await open(`${path}.data`, 'w');
  try {
    for (const tensor of tensors) {
      const bytes = byteLength(tensor);
      if (bytes < EXTERNAL_FROM_BYTES) continue;
      await writeContent(file, tensor, seed);
      await file.writeFile(new Uint8Array(padding(bytes)));
    }
  } finally {
    await file.close();
  }
}

function locate(tensors: readonly Tensor[], path: string, external: boolean): Located[] {
  let offset = 0;
  return tensors.map((tensor) => {
    const bytes = byteLength(tensor);
    const fields = encodeTensorHead({ name: tensor.name, type: tensor.type, dims: tensor.shape });
    if (!external || bytes < EXTERNAL_FROM_BYTES) {
      return { tensor, head: Buffer.concat([fields, prefix(9, bytes)]), inline: bytes };
    }
    const place = encodeExternal(`${basename(path)}.data`, { offset, length: bytes });
    offset += bytes + padding(bytes);
    return { tensor, head: Buffer.concat([fields, place]), inline: 0 };
  });
}

function padding(bytes: number): number {
  return (ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function byteLength({ content, shape }: Tensor): number {
  return content instanceof Uint8Array ? content.length : elements(shape) * 4;
}
