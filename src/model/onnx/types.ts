/** Shape and element type of a graph's input, output or value in between. */
export interface OnnxValue {
  readonly name: string;
  /** `float32`, `int64`, … */
  readonly type: string;
  /** A number where the axis is fixed, its symbol (or `?`) where it is not; undefined where the graph states no shape. */
  readonly dims?: readonly (number | string)[];
}

/** Bytes of a file, `end` not included. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A weight or constant: what an initialiser, a Constant node or an attribute holds. Long elements stay in their file. */
export interface OnnxTensor {
  /** Name by which nodes refer to it. */
  readonly name: string;
  /** `float32`, `int64`, … */
  readonly type: string;
  readonly dims: readonly number[];
  /** Of the elements. */
  readonly bytes: number;
  /** The elements where they lie in the ONNX file and take at most 64 KiB: little-endian, row-major. */
  readonly data?: Uint8Array;
  /** Where the elements lie in the ONNX file, little-endian, row-major. */
  readonly raw?: Span;
  /** Where more than 64 KiB of elements lie in the ONNX file as variable-length integers (float16 as its bits). */
  readonly varints?: Span;
  readonly external?: { readonly location: string; readonly offset: number; readonly length?: number };
}

/** An integer of 64 bits is the nearest float64. */
export type OnnxAttribute =
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'integers'; readonly value: readonly number[] }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'texts'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: OnnxTensor }
  | { readonly kind: 'tensors'; readonly value: readonly OnnxTensor[] }
  | { readonly kind: 'graph'; readonly value: OnnxGraph }
  | { readonly kind: 'graphs'; readonly value: readonly OnnxGraph[] }
  /** Inside a local function: the attribute of this name of the calling node. */
  | { readonly kind: 'reference'; readonly value: string }
  /** A sparse tensor, a type: nothing that a CLIP graph holds. */
  | { readonly kind: 'other'; readonly value: undefined };

export interface OnnxNode {
  /** Often empty. */
  readonly name: string;
  readonly operator: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  /** An empty name is an input left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

export interface OnnxGraph {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** What the file states of values in between; often empty. */
  readonly values: ReadonlyMap<string, OnnxValue>;
  /** Initialisers and the values of Constant nodes. */
  readonly tensors: readonly OnnxTensor[];
  /** In the file's order, without Constant nodes that are among the tensors; nested graphs are attributes of theirs. */
  readonly nodes: readonly OnnxNode[];
}

/**
 * The main graph as its file states it, without long weights. In place of calls of local functions stand the functions' nodes.
 */
export interface OnnxModel extends OnnxGraph {
  /** Absolute path. */
  readonly path: string;
  readonly fileBytes: number;
  readonly irVersion: number;
  readonly producer: string;
  /** Operator set by domain; '' is ONNX's own. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
  /** What the caller must feed: initialisers that are listed as inputs are left out. */
  readonly inputs: readonly OnnxValue[];
}

/** `graph` and every graph nested in it. */
export function* withNested(graph: OnnxGraph): Generator<OnnxGraph> {
  yield graph;
  for (const { attributes } of graph.nodes) {
    for (const attribute of attributes.values()) {
      if (attribute.kind === 'graph') yield* withNested(attribute.value);
      else if (attribute.kind === 'graphs') for (const inner of attribute.value) yield* withNested(inner);
    }
  }
}

/** Tensors of `graph` and of every graph nested in it; those that nodes other than Constant hold included. */
export function* allTensors(graph: OnnxGraph): Generator<OnnxTensor> {
  for (const { tensors, nodes } of withNested(graph)) {
    yield* tensors;
    for (const { attributes } of nodes) {
      for (const attribute of attributes.values()) {
        if (attribute.kind === 'tensor') yield attribute.value;
        else if (attribute.kind === 'tensors') yield* attribute.value;
      }
    }
  }
}

/** `name type[dims]`, for messages. */
export function describeValue(value: OnnxValue): string {
  return `${value.name} ${value.type}[${value.dims?.join(', ') ?? 'shape not stated'}]`;
}
