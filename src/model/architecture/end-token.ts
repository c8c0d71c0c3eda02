import { attribute } from '../onnx/attributes.ts';
import type { OnnxNode } from '../onnx/types.ts';
import type { EndToken } from './architecture.ts';
import type { TowerGraph } from './graph.ts';
import { differs } from './unrecognised.ts';

const PLACE = "the end token's position";
/** Nodes behind an index; the longest spelling known has some twenty. */
const MAX_NODES = 200;

/** How the index of a row follows from the ids; undefined where it does not follow from a largest element. */
export function endTokenAt(graph: TowerGraph, index: string): EndToken | undefined {
  const found = largestBehind(graph, index);
  if (!found) return undefined;
  const axis = attribute(found, 'axis', 'integer') ?? 0;
  if (axis !== 1 && axis !== -1) throw differs(PLACE, 'the largest of each row', `of axis ${axis}`);
  if (attribute(found, 'select_last_index', 'integer') === 1)
    throw differs(PLACE, 'the first of equal ones', 'the last');
  const source = graph.throughIds(found.inputs[0]!);
  if (source === graph.port.input.name) return { rule: 'largest' };
  const test = graph.made(source, 'Equal');
  const [a, b] = test?.inputs ?? [];
  const id = graph.scalar(b) ?? graph.scalar(a);
  const compared = graph.scalar(b) === undefined ? b : a;
  if (id === undefined || graph.throughIds(compared ?? '') !== graph.port.input.name) {
    throw differs(PLACE, 'the largest id, or the first of one id', graph.describe(source));
  }
  return { rule: 'first', id };
}

/** The one ArgMax that `index` depends on. */
function largestBehind(graph: TowerGraph, index: string): OnnxNode | undefined {
  const seen = new Set<OnnxNode>();
  const open = [index];
  let found: OnnxNode | undefined;
  while (open.length > 0) {
    const node = graph.node(open.pop()!);
    if (!node || seen.has(node) || node.operator === 'Shape') continue;
    if (seen.size >= MAX_NODES)
      throw differs(PLACE, 'a short computation', `more than ${MAX_NODES} operators`);
    seen.add(node);
    if (node.operator !== 'ArgMax') open.push(...node.inputs.filter(Boolean));
    else if (found) throw differs(PLACE, 'one largest element', 'two');
    else found = node;
  }
  return found;
}
