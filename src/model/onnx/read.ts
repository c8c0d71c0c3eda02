import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ClipError } from '../../errors.ts';
import { type Field, ProtobufFile } from './protobuf.ts';
import { readTensor } from './tensor.ts';
import { elementName, type OnnxModel, type OnnxNode, type OnnxTensor, type OnnxValue } from './types.ts';

/** Nodes and tensors together; CLIP's largest exports have some ten thousand. */
const MAX_ENTRIES = 200_000;
/** Graphs inside control-flow nodes. */
const MAX_NESTING = 8;

interface Draft {
  irVersion: number;
  producer: string;
  opsets: Map<string, number>;
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  tensors: OnnxTensor[];
  nodes: OnnxNode[];
  hasGraph: boolean;
}

/**
 * Reads an ONNX file's graph without its weights. Field numbers are those of `onnx.proto3`.
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
    const file = new ProtobufFile(handle, absolute, size);
    await refuseForeign(file);
    const draft = await readModel(file, signal);
    const held = new Set(draft.tensors.map(({ name }) => name));
    const { hasGraph: _, ...model } = draft;
    return {
      ...model,
      path: absolute,
      fileBytes: size,
      inputs: draft.inputs.filter(({ name }) => !held.has(name)),
    };
  } finally {
    await handle.close();
  }
}

/** Files that commonly lie in a model's place, named for what they are. */
async function refuseForeign(file: ProtobufFile): Promise<void> {
  if (file.size === 0)
    throw new ClipError('model_invalid', `${file.path}: expected an ONNX model, found no bytes`);
  const head = (await file.bytes(0, Math.min(40, file.size))).toString('latin1');
  const kinds = [
    ['version https://git-lfs', 'a Git LFS pointer; `git lfs pull` brings the model itself'],
    ['<', 'a web page'],
    ['PK\x03\x04', 'a zip archive'],
    ['\x1f\x8b', 'a gzip archive'],
  ] as const;
  const kind = kinds.find(([start]) => head.startsWith(start));
  if (kind) throw new ClipError('model_invalid', `${file.path}: expected an ONNX model, found ${kind[1]}`);
}

async function readModel(file: ProtobufFile, signal?: AbortSignal): Promise<Draft> {
  const draft: Draft = {
    irVersion: 0,
    producer: '',
    opsets: new Map(),
    inputs: [],
    outputs: [],
    tensors: [],
    nodes: [],
    hasGraph: false,
  };
  for await (const field of file.fields(0, file.size)) {
    if (field.number === 1) draft.irVersion = Number(field.value);
    else if (field.number === 2) draft.producer = await file.text(field);
    else if (field.number === 7 && field.wire === 'bytes') {
      draft.hasGraph = true;
      await readGraph(file, field, draft, 0, signal);
    } else if (field.number === 8) await readOpset(file, field, draft.opsets);
  }
  if (!draft.hasGraph || draft.irVersion < 1) throw file.broken(0, 'no graph');
  if (draft.opsets.size === 0) throw file.broken(file.size, 'no operator set after the graph');
  return draft;
}

async function readOpset(file: ProtobufFile, message: Field, opsets: Map<string, number>): Promise<void> {
  let domain = '';
  let version = 0;
  for await (const field of file.fields(message.start, message.end)) {
    if (field.number === 1) domain = await file.text(field);
    if (field.number === 2) version = Number(field.value);
  }
  opsets.set(domain === 'ai.onnx' ? '' : domain, version);
}

async function readGraph(
  file: ProtobufFile,
  message: Field,
  draft: Draft,
  depth: number,
  signal?: AbortSignal,
): Promise<void> {
  if (depth > MAX_NESTING) throw file.broken(message.start, `graphs nested deeper than ${MAX_NESTING}`);
  for await (const field of file.fields(message.start, message.end)) {
    signal?.throwIfAborted();
    if (field.number === 1) await readNode(file, field, draft, depth, signal);
    else if (field.number === 5) draft.tensors.push(await readTensor(file, field));
    else if (field.number === 11 && depth === 0) draft.inputs.push(await readValue(file, field));
    else if (field.number === 12 && depth === 0) draft.outputs.push(await readValue(file, field));
    else if (field.number === 15) await readSparse(file, field, draft);
    if (draft.nodes.length + draft.tensors.length > MAX_ENTRIES) {
      throw file.broken(field.start, `more than ${MAX_ENTRIES} nodes and tensors`);
    }
  }
}

/** SparseTensorProto: field 1 the values, which carry the name. */
async function readSparse(file: ProtobufFile, message: Field, draft: Draft): Promise<void> {
  for await (const field of file.fields(message.start, message.end)) {
    if (field.number === 1) draft.tensors.push(await readTensor(file, field));
  }
}

async function readNode(
  file: ProtobufFile,
  message: Field,
  draft: Draft,
  depth: number,
  signal?: AbortSignal,
): Promise<void> {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: Field[] = [];
  let operator = '';
  let domain = '';
  for await (const field of file.fields(message.start, message.end)) {
    if (field.number === 1) inputs.push(await file.text(field));
    else if (field.number === 2) outputs.push(await file.text(field));
    else if (field.number === 4) operator = await file.text(field);
    else if (field.number === 5) attributes.push(field);
    else if (field.number === 7) domain = await file.text(field);
  }
  draft.nodes.push({ operator, domain: domain === 'ai.onnx' ? '' : domain, inputs, outputs });
  for (const attribute of attributes) {
    await readAttribute(file, attribute, draft, outputs[0] ?? '', depth, signal);
  }
}

/** AttributeProto: tensors (`t`, 5; `tensors`, 10) are a Constant's value, graphs (`g`, 6; `graphs`, 11) nest. */
async function readAttribute(
  file: ProtobufFile,
  message: Field,
  draft: Draft,
  output: string,
  depth: number,
  signal?: AbortSignal,
): Promise<void> {
  for await (const field of file.fields(message.start, message.end)) {
    if (field.wire !== 'bytes') continue;
    if (field.number === 5 || field.number === 10) draft.tensors.push(await readTensor(file, field, output));
    else if (field.number === 6 || field.number === 11)
      await readGraph(file, field, draft, depth + 1, signal);
  }
}

/** ValueInfoProto: name and, for a tensor, element type and shape. */
async function readValue(file: ProtobufFile, message: Field): Promise<OnnxValue> {
  let name = '';
  let type = 'not a tensor';
  let dims: (number | string)[] | undefined;
  for await (const field of file.fields(message.start, message.end)) {
    if (field.number === 1) name = await file.text(field);
    if (field.number !== 2) continue;
    for await (const kind of file.fields(field.start, field.end)) {
      if (kind.number !== 1) continue;
      for await (const part of file.fields(kind.start, kind.end)) {
        if (part.number === 1) type = elementName(Number(part.value));
        else if (part.number === 2) dims = await readShape(file, part);
      }
    }
  }
  return { name, type, ...(dims && { dims }) };
}

async function readShape(file: ProtobufFile, message: Field): Promise<(number | string)[]> {
  const dims: (number | string)[] = [];
  for await (const dimension of file.fields(message.start, message.end)) {
    if (dimension.number !== 1) continue;
    let value: number | string = '?';
    for await (const field of file.fields(dimension.start, dimension.end)) {
      if (field.number === 1) value = Number(field.value);
      else if (field.number === 2) value = await file.text(field);
    }
    dims.push(value);
  }
  return dims;
}
