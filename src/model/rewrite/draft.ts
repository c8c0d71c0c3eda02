import type { Weight } from '../architecture/architecture.ts';
import type { WrittenAttribute, WrittenNode, WrittenTensor, WrittenValue } from '../onnx/write.ts';
import { encodeFloats, type FloatType } from './floats.ts';
import type { RewriteOptions } from './options.ts';

/** Floating-point numbers in the graph. */
export interface Value {
  readonly name: string;
  readonly type: FloatType;
}

/** A weight as the graph takes it. */
export interface WantedWeight {
  /** `weights.` and its role in the architecture, for example `weights.blocks.3.mlpInput.weight`. */
  readonly name: string;
  readonly weight: Weight;
  readonly type: FloatType;
  readonly dims: readonly number[];
}

const ONNX_TYPE: Readonly<Record<FloatType, number>> = { float32: 1, float16: 10, bfloat16: 16 };
const INT64 = 7;
const INT32 = 6;

type Attributes = Readonly<Record<string, WrittenAttribute>>;

/**
 * A graph that is being built. Floating-point values carry their type, and an operator whose inputs differ in it is refused:
 * TensorRT takes types as they stand and inserts no casts.
 */
export class GraphDraft {
  /** Of matrix products and convolutions. */
  readonly compute: FloatType;
  /** Of the residual stream. */
  readonly residual: FloatType;
  readonly nodes: WrittenNode[] = [];
  readonly constants = new Map<string, WrittenTensor>();
  readonly weights = new Map<string, WantedWeight>();
  readonly inputs: WrittenValue[] = [];
  readonly outputs: WrittenValue[] = [];

  constructor(precision: RewriteOptions['precision']) {
    const sixteen = precision === 'bf16' ? 'bfloat16' : 'float16';
    this.compute = precision === 'fp32' ? 'float32' : sixteen;
    this.residual = precision === 'fp32-residual' ? 'float32' : this.compute;
  }

  input(name: string, type: WrittenValue['type'], dims: WrittenValue['dims']): string {
    this.inputs.push({ name, type, dims });
    return name;
  }

  output(name: string, value: Value, dims: WrittenValue['dims']): void {
    this.nodes.push({ operator: 'Identity', name, inputs: [value.name], outputs: [name] });
    this.outputs.push({ name, type: value.type, dims });
  }

  /** A node on integers, or one whose type no value gives. */
  integer(operator: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.#add(operator, inputs, 1, attributes)[0]!;
  }

  /** A node whose output has the type of its floating-point inputs; strings are integers. */
  op(operator: string, inputs: readonly (Value | string)[], attributes: Attributes = {}): Value {
    const type = commonType(operator, inputs);
    return { name: this.#add(operator, names(inputs), 1, attributes)[0]!, type };
  }

  /** Cuts an axis into equal parts. */
  split(value: Value, axis: number, parts: number, size: number): Value[] {
    const sizes = this.integers(Array<number>(parts).fill(size));
    const outputs = this.#add('Split', [value.name, sizes], parts, { axis });
    return outputs.map((name) => ({ name, type: value.type }));
  }

  cast(value: Value, type: FloatType): Value {
    return value.type === type ? value : this.floatOf(value.name, type);
  }

  /** Numbers of any kind as `type`. */
  floatOf(name: string, type: FloatType): Value {
    return { name: this.integer('Cast', [name], { to: ONNX_TYPE[type] }), type };
  }

  int64Of(name: string): string {
    return this.integer('Cast', [name], { to: INT64 });
  }

  int32Of(name: string): string {
    return this.integer('Cast', [name], { to: INT32 });
  }

  /** int64, as shapes and axes are given; an empty shape makes a scalar. Equal ones are stored once. */
  integers(values: readonly number[], dims: readonly number[] = [values.length]): string {
    const content = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#constant({ name: `int64${shown(dims)}${shown(values)}`, type: 'int64', dims, content });
  }

  /** float32; a missing shape makes a scalar. Equal names are stored once. */
  floats(name: string, values: Float32Array | readonly number[], dims: readonly number[] = []): Value {
    const content = new Uint8Array(Float32Array.from(values).buffer);
    return { name: this.#constant({ name, type: 'float32', dims, content }), type: 'float32' };
  }

  /** A scalar, rounded to `type`. */
  number(value: number, type: FloatType): Value {
    const content = encodeFloats(Float32Array.of(value), type);
    return { name: this.#constant({ name: `${type} ${value}`, type, dims: [], content }), type };
  }

  /** `role` in the architecture, which no other has; `dims` read the same elements in another shape. */
  weight(role: string, weight: Weight, type: FloatType, dims: readonly number[] = weight.dims): Value {
    const name = `weights.${role}`;
    if (this.weights.has(name)) throw new Error(`${role}: expected one weight of this role, got two`);
    this.weights.set(name, { name, weight, type, dims });
    return { name, type };
  }

  /** The value in another shape; 0 keeps an axis, −1 takes what is left. */
  reshape(value: Value, shape: readonly number[] | string): Value {
    return this.op('Reshape', [value, typeof shape === 'string' ? shape : this.integers(shape)]);
  }

  transpose(value: Value, perm: readonly number[]): Value {
    return this.op('Transpose', [value], { perm });
  }

  #constant(tensor: WrittenTensor): string {
    this.constants.set(tensor.name, tensor);
    return tensor.name;
  }

  #add(operator: string, inputs: readonly string[], count: number, attributes: Attributes) {
    const name = `${operator} ${this.nodes.length}`;
    const outputs = count === 1 ? [name] : Array.from({ length: count }, (_, i) => `${name}.${i}`);
    this.nodes.push({ operator, name, inputs, outputs, attributes });
    return outputs;
  }
}

function names(inputs: readonly (Value | string)[]): string[] {
  return inputs.map((input) => (typeof input === 'string' ? input : input.name));
}

function commonType(operator: string, inputs: readonly (Value | string)[]): FloatType {
  const types = inputs.flatMap((input) => (typeof input === 'string' ? [] : [input.type]));
  const [type] = types;
  if (type === undefined || types.some((other) => other !== type))
    throw new Error(
      `${operator}: expected inputs of one floating-point type, got ${types.join(', ') || 'none'}`,
    );
  return type;
}

function shown(values: readonly number[]): string {
  return `[${values.join(',')}]`;
}
