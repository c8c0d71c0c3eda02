import type { TextArchitecture } from './architecture.ts';
import { blocksAt } from './blocks.ts';
import type { TowerGraph } from './graph.ts';
import { requireCausal } from './mask.ts';
import { positionsAt } from './positions.ts';
import type { Tail } from './tail.ts';
import { differs } from './unrecognised.ts';

/** CLIP's text tower: causal, its vector stands at the end token. */
export function textTower(graph: TowerGraph, { row, norm, source, ...tail }: Tail): TextArchitecture {
  if (!norm) throw differs('the last normalisation', 'one before the projection', graph.describe(source));
  if (!row || row.rule === 'start')
    throw differs('the vector', "the end token's row", row ? 'the first row' : 'all rows');
  const { transformer, base, masks, precision } = blocksAt(graph, source);
  for (const [block, held] of masks.entries()) requireCausal(graph, held, `block ${block}, mask`);
  const sum = graph.made(base, 'Add');
  const [looked = '', added = ''] = sum ? byHidden(graph, sum.inputs) : [];
  const lookup = graph.made(graph.through(looked), 'Gather');
  const [table = '', ids = ''] = lookup?.inputs ?? [];
  if (!lookup || graph.throughIds(ids) !== graph.port.input.name) {
    throw differs('the first block', "a sum of the tokens' rows and positions", graph.describe(base));
  }
  const tokens = graph.weight(table, "the tokens' table");
  if (tokens.dims.length !== 2 || tokens.dims[1] !== transformer.width) {
    throw differs("the tokens' table", `rows of ${transformer.width}`, `[${tokens.dims.join(', ')}]`);
  }
  const positions = positionsAt(graph, added, transformer.width, 'the positions');
  return {
    family: 'text',
    tokens,
    positions,
    transformer,
    finalNorm: norm,
    projection: tail.projection,
    endToken: row,
    outputWidth: tail.projection.outputs,
    normalised: tail.normalised,
    precision,
  };
}

function byHidden(graph: TowerGraph, inputs: readonly string[]): readonly string[] {
  return graph.isHidden(inputs[0]!) ? inputs : inputs.toReversed();
}
