import type { Block, Linear } from '../architecture/architecture.ts';
import { permute, sliceOutputs } from './derive.ts';
import type { GraphDraft, Value } from './draft.ts';
import { linear } from './layers.ts';
import type { Sequence } from './sequence.ts';

/** Attention without the norm before it and the projection after it. */
export interface Projections {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
}

/** Every token attends: [tokens, width] → [tokens, width]. */
export function attendAll(
  g: GraphDraft,
  x: Value,
  projections: Block['projections'],
  heads: number,
  sequence: Sequence,
  role: string,
): Value {
  const parts = cheapest(projections);
  const [query, key, value] =
    'joint' in parts
      ? splitJoint(g, linear(g, x, parts.joint, `${role}.joint`), parts.joint, heads, sequence)
      : splitApart(g, x, parts, heads, sequence, role);
  const size = headSize(projections, heads);
  const shares = softmax(g, scores(g, query, key, size ** -0.5), sequence.mask);
  const mixed = g.transpose(g.op('MatMul', [shares, value]), [0, 2, 1, 3]);
  return sequence.collect(mixed, heads * size);
}

type Three = readonly [query: Value, key: Value, value: Value];

/** [rows, heads, columns, size] each: one transposition moves all three to where they are cut apart at no cost. */
function splitJoint(
  g: GraphDraft,
  joint: Value,
  { outputs }: Linear,
  heads: number,
  sequence: Sequence,
): Three {
  const spread = sequence.spread(joint, [3, heads, outputs / 3 / heads]);
  const parts = g.split(g.transpose(spread, [2, 0, 3, 1, 4]), 0, 3, 1);
  return parts.map((part) => g.op('Squeeze', [part, g.integers([0])])) as unknown as Three;
}

function splitApart(
  g: GraphDraft,
  x: Value,
  projections: Projections,
  heads: number,
  sequence: Sequence,
  role: string,
): Three {
  const each = (['query', 'key', 'value'] as const).map((name) => {
    const projected = linear(g, x, projections[name], `${role}.${name}`);
    return g.transpose(sequence.spread(projected, [heads, projections[name].outputs / heads]), [0, 2, 1, 3]);
  });
  return each as unknown as Three;
}

/** query · keyᵀ · scale, [rows, heads, columns, columns]. TensorRT fuses attention whose queries are scaled before the product. */
function scores(g: GraphDraft, query: Value, key: Value, scale: number): Value {
  const scaled = g.op('Mul', [query, g.number(scale, query.type)]);
  return g.op('MatMul', [scaled, g.transpose(key, [0, 1, 3, 2])]);
}

/** In float32, over the last axis; of the scores' type again. */
function softmax(g: GraphDraft, scores: Value, mask: Value | undefined): Value {
  const wide = g.cast(scores, 'float32');
  return g.cast(g.op('Softmax', [mask ? g.op('Add', [wide, mask]) : wide], { axis: -1 }), scores.type);
}

/**
 * One token of each row attends: [rows, inputs] and [rows, columns, inputs] → [rows, outputs].
 *
 * Neither keys nor values are computed: q·(Wₖx) = (Wₖᵀq)·x, and Σ pᵢ(Wᵥxᵢ) = Wᵥ(Σ pᵢxᵢ). That is two products with one row
 * each in place of two with one per token. A key's bias adds the same to all scores of a query, which softmax takes away.
 *
 * @param mask float32 [rows, 1, columns], added to the scores
 */
export function attendOnce(
  g: GraphDraft,
  one: Value,
  all: Value,
  { query, key, value }: Projections,
  heads: number,
  mask: Value | undefined,
  role: string,
): Value {
  const size = query.outputs / heads;
  const projected = linear(g, one, query, `${role}.query`);
  const scaled = g.op('Mul', [projected, g.number(size ** -0.5, projected.type)]);
  const asked = g.transpose(g.reshape(scaled, [-1, heads, size]), [1, 0, 2]);
  const keys = g.transpose(g.op('MatMul', [asked, keyWeight(g, key, heads, role)]), [1, 0, 2]);
  const shares = softmax(g, g.op('MatMul', [keys, g.transpose(all, [0, 2, 1])]), mask);
  const mixed = g.transpose(g.op('MatMul', [shares, all]), [1, 0, 2]);
  const values = g.transpose(g.op('MatMul', [mixed, valueWeight(g, value, heads, role)]), [1, 0, 2]);
  const flat = g.reshape(values, [-1, value.outputs]);
  if (!value.bias) return flat;
  return g.op('Add', [flat, g.weight(`${role}.value.bias`, value.bias, flat.type, [value.outputs])]);
}

/** [heads, size, inputs] */
function keyWeight(g: GraphDraft, { weight, layout, inputs, outputs }: Linear, heads: number, role: string) {
  const size = outputs / heads;
  const name = `${role}.key.weight`;
  if (layout === 'out-in') return g.weight(name, weight, g.compute, [heads, size, inputs]);
  return g.weight(name, permute(weight, [inputs, heads, size], [1, 2, 0]), g.compute);
}

/** [heads, inputs, size] */
function valueWeight(
  g: GraphDraft,
  { weight, layout, inputs, outputs }: Linear,
  heads: number,
  role: string,
) {
  const size = outputs / heads;
  const turned =
    layout === 'out-in'
      ? permute(weight, [heads, size, inputs], [0, 2, 1])
      : permute(weight, [inputs, heads, size], [1, 0, 2]);
  return g.weight(`${role}.value.weight`, turned, g.compute);
}

/**
 * Three products are 1 % faster than one whose result has to be cut into three, but where the outputs' weights do not lie
 * together they would have to be copied.
 */
function cheapest(projections: Block['projections']): Block['projections'] {
  return 'joint' in projections && projections.joint.layout === 'out-in' ? apart(projections) : projections;
}

/** Projections each for itself, whether the file has them joint or not. */
export function apart(projections: Block['projections']): Projections {
  if (!('joint' in projections)) return projections;
  const { joint } = projections;
  const width = joint.outputs / 3;
  const part = (i: number) => sliceOutputs(joint, i * width, width);
  return { query: part(0), key: part(1), value: part(2) };
}

function headSize(projections: Block['projections'], heads: number): number {
  return ('joint' in projections ? projections.joint.outputs / 3 : projections.query.outputs) / heads;
}
