import { writeFile } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';
import { ClipError } from '../../errors.ts';
import type { Place } from '../architecture/architecture.ts';
import { elementBytes, elementNumber } from './elements.ts';
import { float, integer, message, prefix, text } from './encode.ts';

/** Element types that are written. */
export type WrittenType = 'float32' | 'float16' | 'bfloat16' | 'int32' | 'int64' | 'uint8' | 'bool';

export interface WrittenTensor {
  readonly name: string;
  readonly type: WrittenType;
  readonly dims: readonly number[];
  /** Little-endian bytes that go into the file, or a place in another file of its folder or one below. */
  readonly content: Uint8Array | Place;
}

/** A number with `float` is a float attribute, without it an int; an array is ints. */
export type WrittenAttribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] };

export interface WrittenNode {
  readonly operator: string;
  /** '' for ONNX's own operators. */
  readonly domain?: string;
  readonly name?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, WrittenAttribute>>;
}

export interface WrittenValue {
  readonly name: string;
  readonly type: WrittenType;
  /** A string is the symbol of an open axis. */
  readonly dims: readonly (number | string)[];
}

export interface WrittenModel {
  readonly name: string;
  readonly producer: string;
  readonly irVersion: number;
  /** Version by domain; '' is ONNX's own. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly inputs: readonly WrittenValue[];
  readonly outputs: readonly WrittenValue[];
  readonly tensors: readonly WrittenTensor[];
  readonly nodes: readonly WrittenNode[];
}

/** `AttributeProto.AttributeType`. */
const KIND = { float: 1, integer: 2, text: 3, floats: 6, integers: 7 } as const;

/** Writes an ONNX file. Throws `model_invalid` for a tensor whose content lies outside the file's folder or is of another size. */
export async function writeOnnx(path: string, model: WrittenModel): Promise<void> {
  await writeFile(path, encodeOnnx(model, dirname(resolve(path))));
}

/** An ONNX file's bytes. Places are written as paths relative to `folder`, where the file will lie. */
export function encodeOnnx(model: WrittenModel, folder: string): Uint8Array {
  const graph = [
    ...model.nodes.map(encodeNode),
    text(2, model.name),
    ...model.tensors.map((tensor) => message(5, encodeTensor(tensor, folder))),
    ...model.inputs.map((value) => encodeValue(11, value)),
    ...model.outputs.map((value) => encodeValue(12, value)),
  ];
  const head = [integer(1, model.irVersion), text(2, model.producer)];
  return Buffer.concat([...head, message(7, graph), ...encodeTail(model)]);
}

/** What follows the graph: operator sets and metadata. */
export function encodeTail({ opsets, metadata }: Pick<WrittenModel, 'opsets' | 'metadata'>): Uint8Array[] {
  return [
    ...Object.entries(opsets).map(([domain, version]) => message(8, [text(1, domain), integer(2, version)])),
    ...Object.entries(metadata).map(([key, value]) => message(14, [text(1, key), text(2, value)])),
  ];
}

export function encodeNode({ operator, domain, name, inputs, outputs, attributes }: WrittenNode): Uint8Array {
  return message(1, [
    ...inputs.map((input) => text(1, input)),
    ...outputs.map((output) => text(2, output)),
    ...(name ? [text(3, name)] : []),
    text(4, operator),
    ...Object.entries(attributes ?? {}).map(([key, value]) => encodeAttribute(key, value)),
    ...(domain ? [text(7, domain)] : []),
  ]);
}

function encodeAttribute(name: string, value: WrittenAttribute): Uint8Array {
  const encode = (kind: keyof typeof KIND, fields: readonly Uint8Array[]) =>
    message(5, [text(1, name), ...fields, integer(20, KIND[kind])]);
  if (typeof value === 'number') return encode('integer', [integer(3, value)]);
  if (typeof value === 'string') return encode('text', [text(4, value)]);
  if ('float' in value) return encode('float', [float(2, value.float)]);
  if ('floats' in value)
    return encode(
      'floats',
      value.floats.map((item) => float(7, item)),
    );
  return encode(
    'integers',
    value.map((item) => integer(8, item)),
  );
}

/** A graph's input (field 11) or output (field 12). */
export function encodeValue(field: number, { name, type, dims }: WrittenValue): Uint8Array {
  const dimensions = dims.map((dim) =>
    message(1, [typeof dim === 'number' ? integer(1, dim) : text(2, dim)]),
  );
  const tensorType = message(1, [integer(1, elementNumber(type)), message(2, dimensions)]);
  return message(field, [text(1, name), message(2, [tensorType])]);
}

function encodeTensor(tensor: WrittenTensor, folder: string): Uint8Array[] {
  const { content, dims, type, name } = tensor;
  const length = content.length;
  const expected = elementBytes(elementNumber(type), dims);
  if (length !== expected) {
    throw new ClipError(
      'model_invalid',
      `expected ${expected} bytes for ${name} ${type}[${dims.join(', ')}], found ${length}`,
    );
  }
  if (content instanceof Uint8Array) return [encodeTensorHead(tensor), prefix(9, length), content];
  const location = relative(folder, content.path);
  if (location === '' || location.split(sep).includes('..') || resolve(folder, location) !== content.path) {
    throw new ClipError('model_invalid', `expected ${name} inside ${folder}, found ${content.path}`);
  }
  return [encodeTensorHead(tensor), encodeExternal(location.split(sep).join('/'), content)];
}

/** All of a tensor but its elements. */
export function encodeTensorHead({ name, type, dims }: Omit<WrittenTensor, 'content'>): Uint8Array {
  return Buffer.concat([
    ...dims.map((dim) => integer(1, dim)),
    integer(2, elementNumber(type)),
    text(8, name),
  ]);
}

/** Where a tensor's elements lie: a file's path relative to the ONNX file's folder, and the bytes in it. */
export function encodeExternal(location: string, { offset, length }: Omit<Place, 'path'>): Uint8Array {
  const entries = Object.entries({ location, offset: String(offset), length: String(length) });
  const pairs = entries.map(([key, value]) => message(13, [text(1, key), text(2, value)]));
  return Buffer.concat([...pairs, integer(14, 1)]);
}
