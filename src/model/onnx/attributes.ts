import { ClipError } from '../../errors.ts';
import type { OnnxNode, OnnxTensor } from './types.ts';

interface Values {
  readonly integer: number;
  readonly integers: readonly number[];
  readonly float: number;
  readonly floats: readonly number[];
  readonly text: string;
  readonly tensor: OnnxTensor;
}

/** A node's attribute; undefined where the node does not state it. Throws `model_invalid` where it is of another kind. */
export function attribute<K extends keyof Values>(
  node: OnnxNode,
  name: string,
  kind: K,
): Values[K] | undefined {
  const found = node.attributes.get(name);
  if (!found) return undefined;
  if (found.kind !== kind) {
    throw new ClipError(
      'model_invalid',
      `node ${node.name || node.outputs[0]} (${node.operator}): expected its ${name} to be of kind ${kind}, found ${found.kind}`,
    );
  }
  return found.value as Values[K];
}
