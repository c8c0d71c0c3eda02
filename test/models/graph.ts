export type Element = 'float32' | 'uint8' | 'int32' | 'int64' | 'float16';

export type Dimension = number | string;
/** A number is an int attribute, an array an ints attribute. */
export type Attribute = number | readonly number[] | { readonly float: number };

export interface Node {
  readonly type: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface Tensor {
  readonly name: string;
  readonly type: Element;
  readonly shape: readonly number[];
  /** Little-endian bytes, or the distribution that float32 values are drawn from. */
  readonly content: Uint8Array | { readonly mean: number; readonly std: number };
}

export interface Port {
  readonly name: string;
  readonly type: Element;
  readonly shape: readonly Dimension[];
}

/** Collects an ONNX graph. Values are named by strings; each method returns the name of what it adds. */
export class Graph {
  readonly name: string;
  readonly nodes: Node[] = [];
  readonly tensors: Tensor[] = [];
  readonly inputs: Port[] = [];
  readonly outputs: Port[] = [];

  constructor(name: string) {
    this.name = name;
  }

  op(type: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string {
    return this.ops(type, inputs, 1, attributes)[0]!;
  }

  /** A node with `count` outputs. */
  ops(
    type: string,
    inputs: readonly string[],
    count: number,
    attributes: Record<string, Attribute> = {},
  ): string[] {
    const name = `${type}_${this.nodes.length}`;
    const outputs = Array.from({ length: count }, (_, i) => `${name}_${i}`);
    this.nodes.push({ type, name, inputs, outputs, attributes });
    return outputs;
  }

  input(name: string, type: Element, shape: readonly Dimension[]): string {
    this.inputs.push({ name, type, shape });
    return name;
  }

  output(value: string, port: Port): void {
    this.nodes.push({
      type: 'Identity',
      name: 'result',
      inputs: [value],
      outputs: [port.name],
      attributes: {},
    });
    this.outputs.push(port);
  }

  /** int64 numbers, as shapes and axes are given; a missing shape makes a vector. Equal ones are stored once. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.constant(`int64_${shape.join('x')}_${values.join('_')}`, 'int64', shape, bytes);
  }

  /** float32 numbers; a missing shape makes a scalar. Equal names are stored once. */
  floats(name: string, values: readonly number[], shape: readonly number[] = []): string {
    return this.constant(name, 'float32', shape, new Uint8Array(Float32Array.from(values).buffer));
  }

  /** float32 weights drawn from N(mean, std²). */
  weight(name: string, shape: readonly number[], std: number, mean = 0): string {
    this.tensors.push({ name, type: 'float32', shape, content: { mean, std } });
    return name;
  }

  private constant(name: string, type: Element, shape: readonly number[], content: Uint8Array): string {
    if (!this.tensors.some((tensor) => tensor.name === name))
      this.tensors.push({ name, type, shape, content });
    return name;
  }
}
