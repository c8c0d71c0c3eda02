import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor } from '../../../src/model/onnx/types.ts';

type Value = number | readonly number[] | string;

/** Changes a graph in memory, so that a test states in a line how a file differs from what the recogniser knows. */
export class ModelEdit {
  readonly #model: OnnxModel;
  readonly #tensors: OnnxTensor[];
  #nodes: OnnxNode[];
  #made = 0;

  constructor(model: OnnxModel) {
    this.#model = model;
    this.#tensors = [...model.tensors];
    this.#nodes = [...model.nodes];
  }

  done(): OnnxModel {
    return { ...this.#model, nodes: this.#nodes, tensors: this.#tensors };
  }

  /** The nodes of an operator, in order. */
  nodes(operator: string): OnnxNode[] {
    return this.#nodes.filter((node) => node.operator === operator);
  }

  /** Of the node that takes `input`: its first output. */
  resultOf(input: string): string {
    return this.taker(input).outputs[0]!;
  }

  taker(input: string): OnnxNode {
    return this.#nodes.find(({ inputs }) => inputs.includes(input))!;
  }

  maker(output: string): OnnxNode {
    return this.#nodes.find(({ outputs }) => outputs.includes(output))!;
  }

  tensor(name: string): OnnxTensor {
    return this.#tensors.find((tensor) => tensor.name === name)!;
  }

  /** A new constant of float32, or of int64. */
  constant(
    values: readonly number[],
    dims: readonly number[] = [],
    type: 'float32' | 'int64' = 'float32',
  ): string {
    const name = `made ${this.#made++}`;
    const array = type === 'float32' ? Float32Array.from(values) : BigInt64Array.from(values, BigInt);
    const data = new Uint8Array(array.buffer);
    this.#tensors.push({ name, type, dims, bytes: data.length, data });
    return name;
  }

  /** Other elements for a constant of float32. */
  setConstant(name: string, values: Float32Array): void {
    const at = this.#tensors.findIndex((tensor) => tensor.name === name);
    const data = new Uint8Array(values.buffer);
    this.#tensors[at] = { ...this.#tensors[at]!, data, bytes: data.length };
  }

  setInputs(node: OnnxNode, inputs: readonly string[]): void {
    this.replace(node, [{ ...node, inputs }]);
  }

  /** `node` gives way to others, which stand in its place. */
  replace(node: OnnxNode, others: readonly OnnxNode[]): void {
    this.#nodes = this.#nodes.flatMap((other) => (other === node ? others : [other]));
  }

  /** Whatever took `value` takes what the operator makes of it. */
  insert(
    value: string,
    operator: string,
    others: readonly string[] = [],
    attributes: Record<string, Value> = {},
  ): void {
    const output = `${operator} of ${value}`;
    const node = made(operator, [value, ...others], output, attributes);
    const at = this.#nodes.findIndex(({ outputs }) => outputs.includes(value)) + 1;
    const renamed: OnnxNode[] = this.#nodes.map((other) => ({
      ...other,
      inputs: other.inputs.map((input) => (input === value ? output : input)),
    }));
    this.#nodes = renamed.toSpliced(at, 0, node);
  }

  /** Whatever took `value` takes `other`. */
  bypass(value: string, other: string): void {
    this.#nodes = this.#nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((input) => (input === value ? other : input)),
    }));
  }
}

/** A node; an operator of another domain is written `domain:operator`. */
export function made(
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: Record<string, Value> = {},
): OnnxNode {
  const [name, domain = ''] = operator.split(':').toReversed();
  const held = Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)] as const);
  return {
    name: `${name} made`,
    operator: name!,
    domain,
    inputs,
    outputs: [output],
    attributes: new Map(held),
  };
}

/** A number that is not whole is a float attribute. */
function attributeOf(value: Value): OnnxAttribute {
  if (typeof value === 'string') return { kind: 'text', value };
  if (typeof value !== 'number') return { kind: 'integers', value };
  return { kind: Number.isInteger(value) ? 'integer' : 'float', value };
}
