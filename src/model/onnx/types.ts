/** ONNX's element types by number (`TensorProto.DataType`), with the bits that one element takes. */
const ELEMENTS: Readonly<Record<number, readonly [name: string, bits: number]>> = {
  1: ['float32', 32],
  2: ['uint8', 8],
  3: ['int8', 8],
  4: ['uint16', 16],
  5: ['int16', 16],
  6: ['int32', 32],
  7: ['int64', 64],
  8: ['string', 0],
  9: ['bool', 8],
  10: ['float16', 16],
  11: ['float64', 64],
  12: ['uint32', 32],
  13: ['uint64', 64],
  14: ['complex64', 64],
  15: ['complex128', 128],
  16: ['bfloat16', 16],
  17: ['float8e4m3fn', 8],
  18: ['float8e4m3fnuz', 8],
  19: ['float8e5m2', 8],
  20: ['float8e5m2fnuz', 8],
  21: ['uint4', 4],
  22: ['int4', 4],
  23: ['float4e2m1', 4],
};

export function elementName(type: number): string {
  return ELEMENTS[type]?.[0] ?? `type ${type}`;
}

/** Bytes of a tensor's elements. */
export function elementBytes(type: number, dims: readonly number[]): number {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return Math.ceil((count * (ELEMENTS[type]?.[1] ?? 0)) / 8);
}

/** Shape and element type of a graph's input or output. */
export interface OnnxValue {
  readonly name: string;
  /** `float32`, `int64`, … */
  readonly type: string;
  /** A number where the axis is fixed, its symbol (or `?`) where it is not; undefined where the graph states no shape. */
  readonly dims?: readonly (number | string)[];
}

/** A weight or constant; the elements stay in the file. */
export interface OnnxTensor {
  /** Name by which nodes refer to it. */
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
  readonly bytes: number;
  /** Where raw little-endian elements lie in the ONNX file; absent for typed or external elements. */
  readonly raw?: { readonly start: number; readonly end: number };
  readonly external?: { readonly location: string; readonly offset: number; readonly length?: number };
  /** Value of a float tensor with one element that the ONNX file itself holds. */
  readonly scalar?: number;
}

export interface OnnxNode {
  readonly operator: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** A graph as its file states it, without the weights. */
export interface OnnxModel {
  /** Absolute path. */
  readonly path: string;
  readonly fileBytes: number;
  readonly irVersion: number;
  readonly producer: string;
  /** Operator set by domain; '' is ONNX's own. */
  readonly opsets: ReadonlyMap<string, number>;
  /** What the caller must feed: initialisers that are listed as inputs are left out. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Initialisers and the values of Constant nodes, those of nested graphs included. */
  readonly tensors: readonly OnnxTensor[];
  /** Nodes in the file's order, those of nested graphs included. */
  readonly nodes: readonly OnnxNode[];
}

/** `name type[dims]`, for messages. */
export function describeValue(value: OnnxValue): string {
  return `${value.name} ${value.type}[${value.dims?.join(', ') ?? 'shape not stated'}]`;
}
