import { attribute } from '../onnx/attributes.ts';
import type { Block, Linear } from './architecture.ts';
import { type AttentionAt, attentionAt } from './attention.ts';
import type { TowerGraph } from './graph.ts';
import { type LinearAt, linearAt, shaped } from './linear.ts';
import type { Mask } from './mask.ts';
import { differs } from './unrecognised.ts';

export interface HeadsAt {
  readonly heads: number;
  readonly projections: Block['projections'];
  /** What queries are made of, and what keys and values are. */
  readonly queried: string;
  readonly source: string;
  readonly masks: readonly Mask[];
  /** Element type of the weights where they are multiplied. */
  readonly type: string;
}

/** How far a scale may be off: float16 has a relative error of 2^-11, twice where it is split between both sides. */
const SCALE_TOLERANCE = 2e-3;

/** Attention with the products that make its queries, keys and values. Throws Unrecognised where `value` is another's. */
export function headsAt(graph: TowerGraph, value: string, place: string): HeadsAt {
  const fused = graph.made(graph.through(value), 'Attention', 'com.microsoft');
  if (fused) return ofFused(graph, graph.through(value), place);
  const attention = attentionAt(graph, value, place);
  const [query, key, val] = (['query', 'key', 'value'] as const).map((role) =>
    partAt(graph, attention[role], `${place}, ${role}`),
  );
  const parts = [query!, key!, val!];
  const width = query!.third === undefined ? query!.linear.outputs : query!.linear.outputs / 3;
  const heads = countHeads(attention, width, place);
  const common = {
    heads,
    masks: attention.masks,
    type: query!.type,
    source: key!.source,
    queried: query!.source,
  };
  if (graph.through(key!.source) !== graph.through(val!.source)) {
    throw differs(place, 'keys and values of the same rows', graph.describe(graph.through(val!.source)));
  }
  if (parts.every(({ third }) => third === undefined)) {
    return { ...common, projections: { query: query!.linear, key: key!.linear, value: val!.linear } };
  }
  const isJoint = parts.every(({ third, product }, i) => third === i && product === query!.product);
  if (!isJoint) {
    const found = parts.map(({ third }) => third ?? 'alone').join(', ');
    throw differs(place, 'queries, keys and values as the three thirds of one product', `parts ${found}`);
  }
  return { ...common, projections: { joint: query!.linear } };
}

interface Part extends LinearAt {
  readonly product: string;
  /** Which third of the product's outputs, where it makes all three. */
  readonly third?: number;
}

function partAt(graph: TowerGraph, value: string, place: string): Part {
  let third: number | undefined;
  for (let at = graph.through(value); ; ) {
    const found = linearAt(graph, at, place);
    if (found) return { ...found, product: at, ...(third !== undefined && { third }) };
    const inner = third === undefined ? thirdAt(graph, at) : undefined;
    if (!inner) throw differs(place, 'a product with weights', graph.describe(at));
    third = inner.third;
    at = graph.through(inner.value);
  }
}

/** One of three equal parts of a value, however it is cut. */
function thirdAt(graph: TowerGraph, value: string): { value: string; third: number } | undefined {
  const node = graph.node(value);
  const [source, index] = node?.inputs ?? [];
  if (!node || !source) return undefined;
  if (node.operator === 'Split') {
    return node.outputs.length === 3 ? { value: source, third: node.outputs.indexOf(value) } : undefined;
  }
  if (node.operator === 'Gather') {
    const third = graph.scalar(index);
    return third === undefined ? undefined : { value: source, third: third < 0 ? third + 3 : third };
  }
  const window = node.operator === 'Slice' ? graph.slice(node) : undefined;
  const size = window && graph.dims(source)?.at(window.axis);
  return size ? { value: source, third: (3 * window.from) / size } : undefined;
}

function countHeads(attention: AttentionAt, width: number, place: string): number {
  const { size, scale } = attention;
  if (size === undefined || !Number.isInteger(width / size)) {
    throw differs(
      place,
      `a head's share of ${width} components`,
      `${size ?? 'an unknown number of'} components`,
    );
  }
  if (scale !== undefined && Math.abs(scale * Math.sqrt(size) - 1) > SCALE_TOLERANCE) {
    throw differs(
      place,
      `scores times 1/√${size} = ${(size ** -0.5).toPrecision(5)}`,
      `times ${scale.toPrecision(5)}`,
    );
  }
  return width / size;
}

/** ONNX Runtime's operator that makes queries, keys and values itself. */
function ofFused(graph: TowerGraph, value: string, place: string): HeadsAt {
  const node = graph.node(value)!;
  const [source, matrix, bias, ids, past, added, ...rest] = node.inputs;
  const heads = attribute(node, 'num_heads', 'integer');
  const others = [
    past,
    ids,
    ...rest,
    attribute(node, 'qkv_hidden_sizes', 'integers'),
    attribute(node, 'do_rotary', 'integer'),
  ];
  if (!source || !matrix || !heads || others.some(Boolean)) {
    throw differs(place, 'a plain attention', graph.describe(value));
  }
  const weight = graph.weight(matrix, place);
  const [inputs = 0, outputs = 0] = weight.dims;
  const joint: Linear = { weight, layout: 'in-out', inputs, outputs };
  const masks: Mask[] = attribute(node, 'unidirectional', 'integer') === 1 ? [{ kind: 'triangle' }] : [];
  if (added) masks.push({ kind: 'added', value: added });
  const scale = attribute(node, 'scale', 'float') || undefined;
  const isScaled =
    scale !== undefined && Math.abs(scale * Math.sqrt(outputs / 3 / heads) - 1) > SCALE_TOLERANCE;
  if (isScaled || weight.dims.length !== 2 || !Number.isInteger(outputs / 3 / heads)) {
    throw differs(place, 'an attention scaled by the size of its heads', graph.describe(value));
  }
  const vector = bias && shaped(graph.weight(bias, place), [outputs]);
  return {
    heads,
    masks,
    source,
    queried: source,
    type: graph.type(matrix),
    projections: { joint: { ...joint, ...(vector && { bias: vector }) } },
  };
}
