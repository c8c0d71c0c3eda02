import type { VisionTransformerArchitecture, Weight } from './architecture.ts';
import { blocksAt } from './blocks.ts';
import { convolutionAt } from './convolution.ts';
import type { TowerGraph } from './graph.ts';
import { vectorAt } from './linear.ts';
import { requireNone } from './mask.ts';
import { normAt } from './norm.ts';
import { requirePixels } from './pixels.ts';
import { positionsAt } from './positions.ts';
import type { Tail } from './tail.ts';
import { differs } from './unrecognised.ts';

/** CLIP's vision transformer: patches by one convolution, a class token before them that becomes the vector. */
export function visionTransformer(
  graph: TowerGraph,
  { row, norm, source, ...tail }: Tail,
): VisionTransformerArchitecture {
  if (!norm) throw differs('the last normalisation', 'one before the projection', graph.describe(source));
  if (row?.rule !== 'start')
    throw differs('the vector', "the class token's row, the first", row ? 'another' : 'all rows');
  const { transformer, base, masks, precision } = blocksAt(graph, source);
  for (const [block, held] of masks.entries()) requireNone(held, `block ${block}, mask`);
  const pre = normAt(graph, base, 'the normalisation before the blocks');
  if (!pre) throw differs('the first block', 'a normalisation of the embedded patches', graph.describe(base));
  const { width } = transformer;
  const sum = graph.made(graph.through(pre.source), 'Add');
  const [tokens = '', added = ''] =
    sum && !graph.isHidden(sum.inputs[0]!) ? sum.inputs.toReversed() : (sum?.inputs ?? []);
  const joint = graph.made(graph.through(tokens), 'Concat');
  const [first = '', patches = ''] = joint?.inputs ?? [];
  if (joint?.inputs.length !== 2 || !graph.isHidden(patches)) {
    throw differs(
      'the first block',
      'a class token, patches and positions',
      graph.describe(graph.through(pre.source)),
    );
  }
  const positions = positionsAt(graph, added, width, 'the positions');
  const convolution = convolutionAt(graph, graph.through(patches), 'the patches');
  const { weight, stride, padding } = convolution.convolution;
  if (weight.dims[2] !== stride || padding !== 0) {
    throw differs(
      'the patches',
      'a convolution that steps by its own size',
      `size ${weight.dims[2]}, step ${stride}`,
    );
  }
  requirePixels(graph, convolution.source);
  return {
    family: 'vit',
    resolution: resolutionOf(graph, positions, stride),
    patch: convolution.convolution,
    classToken: vectorAt(graph, classTokenAt(graph, first), width, 'the class token'),
    positions,
    preNorm: pre.norm,
    transformer,
    postNorm: norm,
    projection: tail.projection,
    outputWidth: tail.projection.outputs,
    normalised: tail.normalised,
    precision,
  };
}

/** Weights that are repeated for each row of a batch: expanded, or added to zeros. */
function classTokenAt(graph: TowerGraph, value: string): string {
  for (let at = graph.through(value); ; ) {
    if (graph.isConstant(at)) return at;
    const node = graph.node(at);
    const [a = '', b = ''] = node?.inputs ?? [];
    const isRepeated = node?.operator === 'Expand' || node?.operator === 'Tile';
    const zeros = node?.operator === 'Add' ? [a, b].find((side) => graph.isZero(side)) : undefined;
    if (!isRepeated && zeros === undefined) throw differs('the class token', 'weights', graph.describe(at));
    at = graph.through(zeros === a ? b : a);
  }
}

/** Side of a square picture that positions of the first row and of `step`² pixels each stand for. */
export function resolutionOf(graph: TowerGraph, positions: Weight, step: number): number {
  const grid = Math.sqrt(positions.dims[0]! - 1);
  const { resolution } = graph.port;
  if (!Number.isInteger(grid)) {
    throw differs(
      'the positions',
      'one for the first row and one for each cell of a square',
      `${positions.dims[0]}`,
    );
  }
  if (resolution !== undefined && Math.floor(resolution / step) !== grid) {
    const expected = Math.floor(resolution / step) ** 2 + 1;
    throw differs('the positions', `${expected} for ${resolution} pixels a side`, `${positions.dims[0]}`);
  }
  return resolution ?? grid * step;
}
