import type { Place } from '../architecture/architecture.ts';

/** Element types that are written. */
export type WrittenType = 'float32' | 'float16' | 'bfloat16' | 'int32' | 'int64' | 'uint8' | 'bool';

export interface WrittenTensor {
  readonly name: string;
  readonly type: WrittenType;
  readonly dims: readonly number[];
  /** Little-endian bytes that go into the file, or a place in another file of the same folder or one below it. */
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
