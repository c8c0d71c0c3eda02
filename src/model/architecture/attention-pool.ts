import type { ResNetArchitecture } from './architecture.ts';
import { precisionOf } from './blocks.ts';
import type { TowerGraph } from './graph.ts';
import { requireNone } from './mask.ts';
import { positionsAt } from './positions.ts';
import { headsAt } from './projections.ts';
import { rowAt, type Tail } from './tail.ts';
import { differs } from './unrecognised.ts';

const PLACE = 'the attention pool';

/** The pool whose result is projected, and the feature map that it is of: one query, the map's mean, before its cells. */
export function poolAt(
  graph: TowerGraph,
  tail: Tail,
): { pool: ResNetArchitecture['pool']; source: string; precision: ResNetArchitecture['precision'] } {
  const { projections, heads, masks, source, queried, type } = headsAt(graph, tail.source, PLACE);
  if ('joint' in projections)
    throw differs(PLACE, 'queries, keys and values apart', 'one product of all three');
  requireNone(masks, PLACE);
  const tokens = graph.through(source);
  const row = rowAt(graph, graph.through(queried));
  // Exporters compute all queries and then take the first result, or the first query alone.
  const isFirst = (row ?? tail).row?.rule === 'start';
  if (graph.through(row?.value ?? queried) !== tokens || !isFirst) {
    throw differs(`${PLACE}, query`, 'the first row alone', graph.describe(graph.through(queried)));
  }
  const sum = graph.made(tokens, 'Add');
  const [all = '', added = ''] =
    sum && !graph.isHidden(sum.inputs[0]!) ? sum.inputs.toReversed() : (sum?.inputs ?? []);
  const joint = graph.made(graph.through(all), 'Concat');
  const [first = '', cells = ''] = (joint?.inputs ?? []).map((input) => graph.through(input));
  const mean = graph.made(first, 'ReduceMean') ?? graph.made(first, 'GlobalAveragePool');
  const map = graph.through(cells);
  if (joint?.inputs.length !== 2 || !mean || graph.through(mean.inputs[0]!) !== map) {
    throw differs(PLACE, 'the mean of all cells before the cells, and positions', graph.describe(tokens));
  }
  const positions = positionsAt(graph, added, projections.key.inputs, `${PLACE}, positions`);
  return {
    pool: { positions, heads, ...projections, output: tail.projection },
    source: map,
    precision: precisionOf(type),
  };
}
