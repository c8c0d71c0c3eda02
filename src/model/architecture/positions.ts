import { elementCount } from '../onnx/elements.ts';
import type { Weight } from './architecture.ts';
import type { TowerGraph } from './graph.ts';
import { shaped } from './linear.ts';
import { differs } from './unrecognised.ts';

/**
 * A table of `[rows, width]` of which row i is added to row i of the hidden states: all of it, its beginning, or rows
 * that are looked up by their numbers. Axes of length one beside these do not count.
 */
export function positionsAt(graph: TowerGraph, value: string, width: number, place: string): Weight {
  const at = graph.through(value);
  const node = graph.node(at);
  const [table = '', index = ''] = node?.inputs ?? [];
  let source = at;
  if (node?.operator === 'Gather' && graph.isConstant(table)) {
    const rows = [...(graph.values(index)?.values ?? [])];
    const isInOrder = rows.length > 0 && rows.every((row, i) => row === i);
    if (!isInOrder) throw differs(place, 'rows in order', graph.describe(at));
    source = table;
  } else if (node?.operator === 'Slice' && graph.isConstant(table)) {
    if (graph.slice(node)?.from !== 0) throw differs(place, 'rows from the first on', graph.describe(at));
    source = table;
  }
  const weight = graph.weight(source, place);
  const rows = elementCount(weight.dims) / width;
  if (weight.dims.filter((dim) => dim !== 1).join() !== [rows, width].filter((dim) => dim !== 1).join()) {
    throw differs(place, `rows of ${width} weights`, `[${weight.dims.join(', ')}]`);
  }
  return shaped(weight, [rows, width]);
}
