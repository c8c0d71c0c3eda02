/** Writes ONNX files byte by byte, so that tests can state exactly what a graph says. Field numbers: onnx.proto3. */

const TYPES = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
} as const;
export type TypeName = keyof typeof TYPES;

export interface ValueSpec {
  readonly name: string;
  readonly type: TypeName;
  /** Undefined leaves the shape out. */
  readonly dims?: readonly (number | string)[];
}

export interface TensorSpec {
  readonly name: string;
  readonly type: TypeName;
  readonly dims: readonly number[];
  readonly raw?: Uint8Array;
  readonly floats?: readonly number[];
  readonly external?: Readonly<Record<string, string>>;
  /** Further encoded fields. */
  readonly fields?: readonly Buffer[];
}

export interface NodeSpec {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Value of a Constant. */
  readonly value?: TensorSpec;
  /** Body of a control-flow node. */
  readonly body?: GraphSpec;
  readonly domain?: string;
  /** Further encoded fields: attributes, made by `attribute`. */
  readonly fields?: readonly Buffer[];
}

export interface GraphSpec {
  readonly inputs?: readonly ValueSpec[];
  readonly outputs?: readonly ValueSpec[];
  readonly tensors?: readonly TensorSpec[];
  readonly nodes?: readonly NodeSpec[];
  /** Further encoded fields. */
  readonly fields?: readonly Buffer[];
}

export function varint(value: number | bigint): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

export const number = (field: number, value: number | bigint): Buffer =>
  Buffer.concat([varint(field << 3), varint(value)]);

export function bytes(field: number, payload: Uint8Array | string): Buffer {
  const data = Buffer.from(payload as string);
  return Buffer.concat([varint((field << 3) | 2), varint(data.length), data]);
}

const each = <T>(items: readonly T[] | undefined, write: (item: T) => Buffer): Buffer =>
  Buffer.concat((items ?? []).map(write));

export function value({ name, type, dims }: ValueSpec): Buffer {
  const dimension = (dim: number | string) =>
    bytes(1, typeof dim === 'number' ? number(1, dim) : dim === '?' ? Buffer.alloc(0) : bytes(2, dim));
  const shape = dims ? bytes(2, each(dims, dimension)) : Buffer.alloc(0);
  return Buffer.concat([bytes(1, name), bytes(2, bytes(1, Buffer.concat([number(1, TYPES[type]), shape])))]);
}

export function tensor({ name, type, dims, raw, floats, external, fields = [] }: TensorSpec): Buffer {
  const parts = [each(dims, (dim) => number(1, dim)), number(2, TYPES[type]), bytes(8, name)];
  if (raw) parts.push(bytes(9, raw));
  if (floats) parts.push(bytes(4, new Uint8Array(Float32Array.from(floats).buffer)));
  if (external) {
    const pair = ([key, text]: [string, string]) => bytes(13, Buffer.concat([bytes(1, key), bytes(2, text)]));
    parts.push(each(Object.entries(external), pair), number(14, 1));
  }
  return Buffer.concat([...parts, ...fields]);
}

/** A node's field: the attribute whose encoded `value` is of `kind` (`AttributeProto.AttributeType`). */
export function attribute(name: string, kind: number, ...value: readonly Uint8Array[]): Buffer {
  return bytes(5, Buffer.concat([bytes(1, name), ...value, number(20, kind)]));
}

export function node({
  operator,
  inputs,
  outputs,
  value: constant,
  body,
  domain,
  fields = [],
}: NodeSpec): Buffer {
  const parts = [
    each(inputs, (name) => bytes(1, name)),
    each(outputs, (name) => bytes(2, name)),
    bytes(4, operator),
  ];
  if (constant) parts.push(attribute('value', 4, bytes(5, tensor(constant))));
  if (body) parts.push(attribute('body', 5, bytes(6, graph(body))));
  if (domain) parts.push(bytes(7, domain));
  return Buffer.concat([...parts, ...fields]);
}

export function graph(spec: GraphSpec): Buffer {
  return Buffer.concat([
    each(spec.nodes, (item) => bytes(1, node(item))),
    bytes(2, 'graph'),
    each(spec.tensors, (item) => bytes(5, tensor(item))),
    each(spec.inputs, (item) => bytes(11, value(item))),
    each(spec.outputs, (item) => bytes(12, value(item))),
    ...(spec.fields ?? []),
  ]);
}

/** A whole ONNX file; `fields` are further encoded ones of the model. */
export function onnx(spec: GraphSpec, opset = 17, fields: readonly Buffer[] = []): Buffer {
  return Buffer.concat([
    number(1, 8),
    bytes(2, 'test writer'),
    bytes(7, graph(spec)),
    bytes(8, number(2, opset)),
    ...fields,
  ]);
}

/** Graphs with the inputs and outputs of CLIP's towers, as the published files have them. */
export function textTower(change: GraphSpec = {}): Buffer {
  return onnx({
    inputs: [
      { name: 'input_ids', type: 'int32', dims: ['batch', 77] },
      { name: 'attention_mask', type: 'int32', dims: ['batch', 77] },
    ],
    outputs: [{ name: 'output', type: 'float32', dims: ['batch', 512] }],
    ...change,
  });
}

export function imageTower(change: GraphSpec = {}): Buffer {
  return onnx({
    inputs: [{ name: 'pixel_values', type: 'float32', dims: ['batch', 3, 224, 224] }],
    outputs: [{ name: 'output', type: 'float32', dims: ['batch', 512] }],
    ...change,
  });
}
