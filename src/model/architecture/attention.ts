import { attribute } from '../onnx/attributes.ts';
import type { OnnxNode } from '../onnx/types.ts';
import type { TowerGraph } from './graph.ts';
import type { Mask } from './mask.ts';
import { differs } from './unrecognised.ts';

/** softmax(q·kᵀ·scale + mask)·v, before it is known where q, k and v come from. */
export interface AttentionAt {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  /** Components of one head, where that is known. */
  readonly size: number | undefined;
  /** All factors on the way to the scores together; undefined where the operator itself chooses the right one. */
  readonly scale: number | undefined;
  readonly masks: readonly Mask[];
}

/** Factors of one that exporters leave, and all others. */
interface Scaled {
  readonly value: string;
  readonly scale: number;
}

/** The attention whose result `value` is, in one operator or spelt out. Throws Unrecognised where it is another's. */
export function attentionAt(graph: TowerGraph, value: string, place: string): AttentionAt {
  const at = graph.through(value);
  const whole = graph.made(at, 'Attention') ?? graph.made(at, 'MultiHeadAttention', 'com.microsoft');
  if (whole) return ofOperator(graph, whole, place);
  const mix = productOf(graph, at);
  if (!mix || (attribute(mix, 'alpha', 'float') ?? 1) !== 1)
    throw differs(place, 'an attention', graph.describe(at));
  const shares = graph.made(graph.through(beforeGuard(graph, mix.inputs[0]!)), 'Softmax');
  if (!shares) throw differs(`${place}, weights of the values`, 'Softmax', graph.describe(mix.inputs[0]!));
  const axis = attribute(shares, 'axis', 'integer') ?? -1;
  const rank = graph.dims(shares.inputs[0]!)?.length;
  if (axis !== -1 && axis + 1 !== rank) throw differs(place, 'Softmax over the last axis', `axis ${axis}`);
  return { ...scoresAt(graph, shares.inputs[0]!, `${place}, scores`), value: mix.inputs[1]! };
}

/** Shares of a row that sees nothing, which are 0/0, made 0: such a row is never the end token's. */
function beforeGuard(graph: TowerGraph, value: string): string {
  const choice = graph.made(graph.through(value), 'Where');
  const [condition = '', zero, shares = ''] = choice?.inputs ?? [];
  const test = graph.made(condition, 'IsNaN');
  return test?.inputs[0] === shares && graph.scalar(zero) === 0 ? shares : value;
}

function scoresAt(graph: TowerGraph, scores: string, place: string): Omit<AttentionAt, 'value'> {
  const masks: Mask[] = [];
  let scale = 1;
  for (let at = graph.through(scores); ; ) {
    const product = productOf(graph, at);
    if (product) {
      const [query, key] = product.inputs.map((side) => unscaled(graph, side));
      const alpha = attribute(product, 'alpha', 'float') ?? 1;
      const size = graph.dims(product.inputs[0]!)?.at(attribute(product, 'transA', 'integer') ? -2 : -1);
      const factor = scale * alpha * query!.scale * key!.scale;
      return { query: query!.value, key: key!.value, size, scale: factor, masks };
    }
    const step = unscaled(graph, at);
    const masked = maskedAt(graph, step.value);
    if (masked) masks.push(masked.mask);
    else if (step.value === at) throw differs(place, 'a product of queries and keys', graph.describe(at));
    scale *= step.scale;
    at = graph.through(masked?.scores ?? step.value);
  }
}

function productOf(graph: TowerGraph, value: string): OnnxNode | undefined {
  const node = graph.made(value, 'MatMul') ?? graph.made(value, 'FusedMatMul', 'com.microsoft');
  return node?.inputs.every((input) => graph.isHidden(input)) ? node : undefined;
}

function maskedAt(graph: TowerGraph, value: string): { scores: string; mask: Mask } | undefined {
  const sum = graph.made(value, 'Add');
  if (sum) {
    const [scores, mask] = graph.isHidden(sum.inputs[0]!) ? sum.inputs : sum.inputs.toReversed();
    return graph.isHidden(mask!) ? undefined : { scores: scores!, mask: { kind: 'added', value: mask! } };
  }
  const choice = graph.made(value, 'Where');
  const [condition, yes, no] = choice?.inputs ?? [];
  if (!choice || graph.isHidden(condition!)) return undefined;
  const isYes = graph.isHidden(yes!);
  const instead = graph.scalar(isYes ? no : yes);
  if (instead === undefined) return undefined;
  return {
    scores: isYes ? yes! : no!,
    mask: { kind: isYes ? 'seen' : 'hidden', value: condition!, instead },
  };
}

/** Steps over products and quotients with single numbers. */
function unscaled(graph: TowerGraph, value: string): Scaled {
  let scale = 1;
  for (let at = value; ; ) {
    const inner = graph.through(at);
    const node = graph.made(inner, 'Mul') ?? graph.made(inner, 'Div');
    const [a, b] = node?.inputs ?? [];
    const isFirst = graph.isHidden(a ?? '');
    const factor = graph.scalar(isFirst ? b : a);
    if (!node || factor === undefined || (node.operator === 'Div' && !isFirst)) return { value: at, scale };
    scale *= node.operator === 'Div' ? 1 / factor : factor;
    at = isFirst ? a! : b!;
  }
}

function ofOperator(graph: TowerGraph, node: OnnxNode, place: string): AttentionAt {
  const isOnnx = node.domain === '';
  const [query, key, value] = node.inputs;
  const [mask, ...past] = isOnnx ? node.inputs.slice(3, 6) : node.inputs.slice(5, 8);
  const others = isOnnx ? past : [...past, ...node.inputs.slice(3, 5)];
  if (!query || !key || !value || others.some(Boolean) || (attribute(node, 'softcap', 'float') ?? 0) !== 0) {
    throw differs(
      place,
      'an attention of queries, keys, values and a mask alone',
      graph.describe(node.outputs[0]!),
    );
  }
  const stated = isOnnx ? 'q_num_heads' : 'num_heads';
  const isCausal = attribute(node, isOnnx ? 'is_causal' : 'unidirectional', 'integer') === 1;
  const heads = attribute(node, stated, 'integer');
  const masks: Mask[] = isCausal ? [{ kind: 'triangle' }] : [];
  if (mask) masks.push({ kind: graph.values(mask)?.type === 'bool' ? 'seen' : 'added', value: mask });
  const size = graph.dims(query)?.at(-1);
  const isFlat = graph.dims(query)?.length === 3 && size !== undefined && heads;
  const scale = attribute(node, 'scale', 'float') || undefined;
  return { query, key, value, masks, scale, size: isFlat ? size / heads : size };
}
