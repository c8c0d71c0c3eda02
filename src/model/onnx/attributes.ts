import { ClipError } from '../../errors.ts';
import type { OnnxAttribute, OnnxNode } from './types.ts';

type Kind = OnnxAttribute['kind'];
type ValueOf<K extends Kind> = Extract<OnnxAttribute, { kind: K }>['value'];

/** A node's attribute; undefined where the node does not state it. Throws `model_invalid` where it is of another kind. */
export function attribute<K extends Kind>(node: OnnxNode, name: string, kind: K): ValueOf<K> | undefined {
  const found = node.attributes.get(name);
  if (!found) return undefined;
  if (found.kind !== kind) {
    throw new ClipError(
      'model_invalid',
      `node ${node.name || node.outputs[0]} (${node.operator}): expected its ${name} to be of kind ${kind}, found ${found.kind}`,
    );
  }
  return found.value as ValueOf<K>;
}
