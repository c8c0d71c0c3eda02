import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ClipError } from '../../errors.ts';
import { liftConstants } from './constant-nodes.ts';
import { Inliner, type OnnxFunction, readFunction, readOpset } from './functions.ts';
import { GraphReader } from './graph.ts';
import { broken, Message } from './protobuf.ts';
import { Structure } from './structure.ts';
import { readPair } from './tensor.ts';
import type { OnnxGraph, OnnxModel } from './types.ts';

/**
 * Reads an ONNX file's graph without its long weights. Field numbers are those of `onnx.proto3`.
 * Throws `model_invalid` for a file that is truncated, of another kind, or unreasonably large in structure.
 */
export async function readOnnx(path: string, signal?: AbortSignal): Promise<OnnxModel> {
  const absolute = resolve(path);
  const handle = await open(absolute, 'r').catch((cause: unknown) => {
    throw new ClipError('model_invalid', `${absolute} cannot be opened: ${(cause as Error).message}`, {
      cause,
    });
  });
  try {
    const { size } = await handle.stat();
    const head = Buffer.alloc(40);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    refuseForeign(absolute, head.toString('latin1', 0, bytesRead));
    return readModel(await Structure.of(handle, absolute, size, signal));
  } finally {
    await handle.close();
  }
}

/** Files that commonly lie in a model's place, named for what they are. */
function refuseForeign(path: string, head: string): void {
  const kinds = [
    ['version https://git-lfs', 'a Git LFS pointer; `git lfs pull` brings the model itself'],
    ['<', 'a web page'],
    ['PK\x03\x04', 'a zip archive'],
    ['\x1f\x8b', 'a gzip archive'],
  ] as const;
  const found = head === '' ? 'no bytes' : kinds.find(([start]) => head.startsWith(start))?.[1];
  if (found) throw new ClipError('model_invalid', `${path}: expected an ONNX model, found ${found}`);
}

function readModel(file: Structure): OnnxModel {
  const reader = new GraphReader();
  let irVersion = 0;
  let producer = '';
  let graph: OnnxGraph | undefined;
  const opsets = new Map<string, number>();
  const functions: OnnxFunction[] = [];
  const metadata = new Map<string, string>();
  const message = new Message(file, { start: 0, end: file.size });
  while (message.next()) {
    const { number } = message;
    if (number === 1) irVersion = message.value;
    else if (number === 2) producer = message.text();
    else if (number === 7) {
      if (graph) throw broken(file, message.start, 'a second graph');
      graph = reader.graph(message.inner());
    } else if (number === 8) opsets.set(...readOpset(message.inner()));
    else if (number === 14) metadata.set(...readPair(message.inner()));
    else if (number === 25) functions.push(readFunction(message.inner(), reader));
  }
  if (!graph || irVersion < 1) throw broken(file, 0, 'no graph');
  if (opsets.size === 0) throw broken(file, file.size, 'no operator set after the graph');
  const whole = liftConstants(new Inliner(file.path, functions, opsets).inline(graph));
  const held = new Set(whole.tensors.map(({ name }) => name));
  return {
    ...whole,
    path: file.path,
    fileBytes: file.size,
    irVersion,
    producer,
    opsets,
    metadata,
    inputs: whole.inputs.filter(({ name }) => !held.has(name)),
  };
}
