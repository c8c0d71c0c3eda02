import type { Block, Transformer } from './architecture.ts';
import { evaluate, gelu, quickGelu } from './function.ts';
import type { TowerGraph } from './graph.ts';
import { linearAt, needLinear } from './linear.ts';
import type { Mask } from './mask.ts';
import { needNorm } from './norm.ts';
import { headsAt } from './projections.ts';
import { differs, Unrecognised } from './unrecognised.ts';

/** Residual blocks up to a value, and what goes into the first. */
export interface BlocksAt {
  readonly transformer: Transformer;
  readonly base: string;
  /** Per block. */
  readonly masks: readonly (readonly Mask[])[];
  readonly precision: 'fp32' | 'fp16' | 'bf16';
}

/** A branch and the stream that it is added to. */
interface Residual {
  readonly stream: string;
  readonly branch: string;
}

/** CLIP's largest towers have 48. */
const MAX_BLOCKS = 1000;
/** Where the activations are compared; beyond, both are x or 0. */
const POINTS = Float64Array.from({ length: 49 }, (_, i) => (i - 24) / 4);
/** Factors in bfloat16 are off by 2e-4; GELU by tanh, which is another function, by 5e-4. */
const ACTIVATION_TOLERANCE = 3e-4;

/** A block, and what has to be alike in all. */
interface BlockAt {
  readonly block: Block;
  readonly heads: number;
  readonly activation: Transformer['activation'];
  readonly masks: readonly Mask[];
  /** Element type of the weights where they are multiplied. */
  readonly type: string;
}

/** Walks from the last block's result back to the first block's input. */
export function blocksAt(graph: TowerGraph, value: string): BlocksAt {
  const found: BlockAt[] = [];
  let at = graph.through(value);
  for (;;) {
    const place = `block ${graph.attentions - found.length - 1}`;
    const residual = residualAt(graph, at, place);
    if (!residual) break;
    if (found.length >= MAX_BLOCKS) throw new Unrecognised(`it has more than ${MAX_BLOCKS} blocks`);
    const inner = residualAt(graph, residual.stream, place);
    if (!inner) throw differs(place, 'a sum with an attention', graph.describe(residual.stream));
    found.unshift(blockAt(graph, inner, residual, place));
    at = inner.stream;
  }
  const [first] = found;
  if (!first) throw differs('the last block', 'a sum of a stream and a branch', graph.describe(at));
  const { heads, activation, type, block } = first;
  for (const [i, other] of found.entries()) {
    for (const key of ['heads', 'activation', 'type'] as const) {
      if (other[key] === first[key]) continue;
      throw differs(`block ${i}`, `${key} ${first[key]} as in the first block`, `${other[key]}`);
    }
  }
  const blocks = found.map((held) => held.block);
  return {
    transformer: { width: block.mlpInput.inputs, heads, activation, blocks },
    base: at,
    masks: found.map(({ masks }) => masks),
    precision: precisionOf(type),
  };
}

function blockAt(graph: TowerGraph, first: Residual, second: Residual, place: string): BlockAt {
  const mlp = mlpAt(graph, second, place);
  const attention = selfAttentionAt(graph, first, place);
  return { ...attention, ...mlp, block: { ...attention.block, ...mlp.block } };
}

/** A sum of two hidden states of which one is a product's result: the branch. Undefined for any other value. */
function residualAt(graph: TowerGraph, value: string, place: string): Residual | undefined {
  const inputs = graph.made(value, 'Add')?.inputs;
  if (!inputs?.every((input) => graph.isHidden(input))) return undefined;
  const [a = '', b = ''] = inputs.map((input) => graph.through(input));
  if (linearAt(graph, b, `${place}, branch`)) return { stream: a, branch: b };
  if (linearAt(graph, a, `${place}, branch`)) return { stream: b, branch: a };
  throw differs(
    place,
    'a sum of the stream and a product with weights',
    `${graph.describe(a)} and ${graph.describe(b)}`,
  );
}

function mlpAt(graph: TowerGraph, { stream, branch }: Residual, place: string) {
  const output = needLinear(graph, branch, `${place}, second product of the MLP`);
  const isVariable = (value: string) =>
    linearAt(graph, value, `${place}, first product of the MLP`) !== undefined;
  const activation = activationAt(graph, output.source, isVariable, `${place}, activation`);
  const input = needLinear(graph, activation.source, `${place}, first product of the MLP`);
  const norm = needNorm(graph, input.source, `${place}, second normalisation`);
  requireStream(graph, norm.source, stream, `${place}, second normalisation`);
  const block = { mlpNorm: norm.norm, mlpInput: input.linear, mlpOutput: output.linear };
  return { block, activation: activation.activation, type: input.type };
}

function selfAttentionAt(graph: TowerGraph, { stream, branch }: Residual, place: string) {
  const output = needLinear(graph, branch, `${place}, product after the attention`);
  const { heads, projections, masks, source, queried } = headsAt(graph, output.source, `${place}, attention`);
  const norm = needNorm(graph, source, `${place}, first normalisation`);
  if (graph.through(queried) !== graph.through(source)) {
    throw differs(
      `${place}, attention`,
      'queries and keys of the same rows',
      graph.describe(graph.through(queried)),
    );
  }
  requireStream(graph, norm.source, stream, `${place}, first normalisation`);
  const block = { attentionNorm: norm.norm, projections, attentionOutput: output.linear };
  return { block, heads, masks };
}

function requireStream(graph: TowerGraph, value: string, stream: string, place: string): void {
  const source = graph.through(value);
  if (source === stream) return;
  throw differs(place, `that of the stream (${graph.describe(stream)})`, `that of ${graph.describe(source)}`);
}

function activationAt(
  graph: TowerGraph,
  value: string,
  isVariable: (value: string) => boolean,
  place: string,
): { activation: Transformer['activation']; source: string } {
  const { results, sources, spelling } = evaluate(graph, value, POINTS, place, { isVariable });
  const [source] = sources;
  const isNear = (activation: (x: number) => number) =>
    results.every((y, i) => Math.abs(y - activation(POINTS[i]!)) <= ACTIVATION_TOLERANCE);
  if (sources.size === 1) {
    if (isNear(quickGelu)) return { activation: 'quick_gelu', source: source! };
    if (isNear(gelu)) return { activation: 'gelu', source: source! };
  }
  throw differs(place, 'x·σ(1.702x) or GELU', spelling.join(', ') || 'none');
}

export function precisionOf(type: string): 'fp32' | 'fp16' | 'bf16' {
  if (type === 'float16') return 'fp16';
  return type === 'bfloat16' ? 'bf16' : 'fp32';
}
