import { mapGraphs } from './functions.ts';
import type { OnnxGraph, OnnxNode, OnnxTensor } from './types.ts';

/** `graph` with the values of its Constant nodes among its tensors, instead of the nodes. */
export function liftConstants(graph: OnnxGraph): OnnxGraph {
  const tensors = [...graph.tensors];
  const nodes: OnnxNode[] = [];
  for (const node of graph.nodes) {
    const value = node.operator === 'Constant' && node.domain === '' ? constantValue(node) : undefined;
    if (value) tensors.push(value);
    else nodes.push(mapGraphs(node, liftConstants));
  }
  return { ...graph, tensors, nodes };
}

/** Undefined for strings and sparse tensors. */
function constantValue(node: OnnxNode): OnnxTensor | undefined {
  const name = node.outputs[0] ?? '';
  for (const held of node.attributes.values()) {
    if (held.kind === 'tensor') return { ...held.value, name };
    if (held.kind === 'float') return floats(name, [held.value], []);
    if (held.kind === 'floats') return floats(name, held.value, [held.value.length]);
    if (held.kind === 'integer') return integers(name, [held.value], []);
    if (held.kind === 'integers') return integers(name, held.value, [held.value.length]);
  }
  return undefined;
}

function floats(name: string, values: readonly number[], dims: readonly number[]): OnnxTensor {
  const data = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) data.writeFloatLE(value, 4 * at);
  return { name, type: 'float32', dims, bytes: data.length, data };
}

function integers(name: string, values: readonly number[], dims: readonly number[]): OnnxTensor {
  const data = Buffer.alloc(8 * values.length);
  for (const [at, value] of values.entries()) data.writeBigInt64LE(toInt64(value), 8 * at);
  return { name, type: 'int64', dims, bytes: data.length, data };
}

/** The largest number of 64 bits is read as 2^63, its nearest float64. */
function toInt64(value: number): bigint {
  return value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value);
}
