import { ClipError } from '../../errors.ts';
import type { OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from './types.ts';

/** Where a node's result comes from: its `output`th. */
export interface Origin {
  readonly node: OnnxNode;
  readonly output: number;
}

/** The `input`th input of a node. */
export interface Use {
  readonly node: OnnxNode;
  readonly input: number;
}

/** Who makes and who takes each value of a model's main graph. */
export class GraphLinks {
  readonly model: OnnxModel;
  /** Every node after those whose results it takes. */
  readonly sorted: readonly OnnxNode[];
  readonly #origins = new Map<string, Origin>();
  readonly #uses = new Map<string, Use[]>();
  readonly #tensors = new Map<string, OnnxTensor>();
  readonly #inputs = new Map<string, OnnxValue>();

  /** Throws `model_invalid` where a value is made twice, or depends on itself. */
  constructor(model: OnnxModel) {
    this.model = model;
    for (const input of model.inputs) this.#take(input.name, () => this.#inputs.set(input.name, input));
    for (const tensor of model.tensors) {
      this.#take(tensor.name, () => this.#tensors.set(tensor.name, tensor));
    }
    for (const node of model.nodes) {
      node.outputs.forEach((name, output) => {
        if (name) this.#take(name, () => this.#origins.set(name, { node, output }));
      });
      node.inputs.forEach((name, input) => {
        if (!name) return;
        const uses = this.#uses.get(name);
        if (uses) uses.push({ node, input });
        else this.#uses.set(name, [{ node, input }]);
      });
    }
    this.sorted = this.#sort();
  }

  /** The node that makes `name`; undefined for inputs and tensors. */
  origin(name: string): Origin | undefined {
    return this.#origins.get(name);
  }

  /** In the file's order; uses inside nested graphs are not among them. */
  uses(name: string): readonly Use[] {
    return this.#uses.get(name) ?? [];
  }

  tensor(name: string): OnnxTensor | undefined {
    return this.#tensors.get(name);
  }

  /** What the caller feeds. */
  input(name: string): OnnxValue | undefined {
    return this.#inputs.get(name);
  }

  #take(name: string, set: () => void): void {
    if (this.#origins.has(name) || this.#tensors.has(name) || this.#inputs.has(name)) {
      throw new ClipError(
        'model_invalid',
        `${this.model.path}: expected one origin of the value ${name}, found two`,
      );
    }
    set();
  }

  #sort(): OnnxNode[] {
    const missing = new Map<OnnxNode, number>();
    const sorted: OnnxNode[] = [];
    for (const node of this.model.nodes) {
      const waits = node.inputs.filter((name) => this.#origins.has(name)).length;
      missing.set(node, waits);
      if (waits === 0) sorted.push(node);
    }
    for (const node of sorted) {
      for (const use of node.outputs.flatMap((name) => this.uses(name))) {
        const waits = missing.get(use.node)! - 1;
        missing.set(use.node, waits);
        if (waits === 0) sorted.push(use.node);
      }
    }
    if (sorted.length < this.model.nodes.length) {
      const [node] = [...missing].find(([, waits]) => waits > 0)!;
      throw new ClipError(
        'model_invalid',
        `${this.model.path}: expected a graph without circles, found one through ${node.operator} ${node.outputs[0]}`,
      );
    }
    return sorted;
  }
}
