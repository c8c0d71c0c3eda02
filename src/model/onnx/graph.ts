import { elementName } from './elements.ts';
import { type ReadNode, readNode } from './node.ts';
import { broken, type Message } from './protobuf.ts';
import { MAX_NESTING } from './structure.ts';
import { readTensor } from './tensor.ts';
import type { OnnxGraph, OnnxTensor, OnnxValue } from './types.ts';

/** Nodes and tensors together; CLIP's largest exports have some ten thousand. */
export const MAX_ENTRIES = 200_000;

/** Reads the graphs of one file, whose nodes and tensors count together. */
export class GraphReader {
  #entries = 0;
  #depth = 0;

  readonly graph = (message: Message): OnnxGraph => {
    if (this.#depth > MAX_NESTING) {
      throw broken(message.source, message.position, `graphs nested deeper than ${MAX_NESTING}`);
    }
    this.#depth++;
    const graph = {
      inputs: [] as OnnxValue[],
      outputs: [] as OnnxValue[],
      values: new Map<string, OnnxValue>(),
      tensors: [] as OnnxTensor[],
      nodes: [] as ReadNode[],
    };
    while (message.next()) {
      const { number } = message;
      if (number === 1) graph.nodes.push(this.node(message.inner()));
      else if (number === 5) graph.tensors.push(this.#tensor(message.inner()));
      else if (number === 11) graph.inputs.push(this.#value(message));
      else if (number === 12) graph.outputs.push(this.#value(message));
      else if (number === 13) {
        const value = this.#value(message);
        graph.values.set(value.name, value);
      } else if (number === 15) graph.tensors.push(...this.#sparse(message.inner()));
    }
    this.#depth--;
    return graph;
  };

  node(message: Message): ReadNode {
    this.#count(message);
    return readNode(message, this.graph);
  }

  #tensor(message: Message): OnnxTensor {
    this.#count(message);
    return readTensor(message);
  }

  #value(message: Message): OnnxValue {
    this.#count(message);
    return readValue(message.inner());
  }

  /** SparseTensorProto: field 1 the values, which carry the name. Its elements are not those of the whole tensor. */
  #sparse(message: Message): OnnxTensor[] {
    const found: OnnxTensor[] = [];
    while (message.next()) {
      if (message.number !== 1) continue;
      const { name, type, dims, bytes, external } = this.#tensor(message.inner());
      found.push({ name, type: `sparse ${type}`, dims, bytes, ...(external && { external }) });
    }
    return found;
  }

  #count(message: Message): void {
    if (++this.#entries > MAX_ENTRIES) {
      throw broken(message.source, message.position, `more than ${MAX_ENTRIES} nodes, tensors and values`);
    }
  }
}

/** ValueInfoProto: name and, for a tensor, element type and shape. */
function readValue(message: Message): OnnxValue {
  let name = '';
  let type = 'not a tensor';
  let dims: (number | string)[] | undefined;
  while (message.next()) {
    if (message.number === 1) name = message.text();
    if (message.number !== 2) continue;
    const kind = message.inner();
    while (kind.next()) {
      if (kind.number !== 1) continue;
      const part = kind.inner();
      while (part.next()) {
        if (part.number === 1) type = elementName(part.value);
        else if (part.number === 2) dims = readShape(part.inner());
      }
    }
  }
  return { name, type, ...(dims && { dims }) };
}

function readShape(message: Message): (number | string)[] {
  const dims: (number | string)[] = [];
  while (message.next()) {
    if (message.number !== 1) continue;
    let value: number | string = '?';
    const dimension = message.inner();
    while (dimension.next()) {
      if (dimension.number === 1) value = dimension.value;
      else if (dimension.number === 2) value = dimension.text();
    }
    dims.push(value);
  }
  return dims;
}
