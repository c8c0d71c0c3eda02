import { attribute } from '../onnx/attributes.ts';
import type { EndToken, Linear, Norm } from './architecture.ts';
import { endTokenAt } from './end-token.ts';
import type { TowerGraph } from './graph.ts';
import { type LinearAt, linearAt } from './linear.ts';
import { normAt } from './norm.ts';
import { differs } from './unrecognised.ts';

/** Which row becomes the vector: the first, or the end token's. */
export type Row = { readonly rule: 'start' } | EndToken;

/** What stands between the last block, or an attention pool, and the vector. */
export interface Tail {
  readonly normalised: boolean;
  readonly projection: Linear;
  /** Absent where no layer normalisation precedes the projection: then `source` is what is projected. */
  readonly norm?: Norm;
  readonly row?: Row;
  readonly source: string;
}

/** Normalisation, projection and choice of a row commute as far as their order is concerned: each goes row by row. */
export function tailOf(graph: TowerGraph): Tail {
  const output = graph.port.output.name;
  const unit = unitLengthAt(graph, graph.through(output));
  let source = graph.through(unit ?? output);
  let [projection, norm, row]: [Linear?, Norm?, Row?] = [];
  while (!norm) {
    const chosen: { row: Row; value: string } | undefined = row ? undefined : rowAt(graph, source);
    if (chosen) row = chosen.row;
    const linear: LinearAt | undefined =
      projection || chosen ? undefined : linearAt(graph, source, 'the projection');
    projection ??= linear?.linear;
    const normed =
      linear || chosen || !projection ? undefined : normAt(graph, source, 'the last normalisation');
    norm = normed?.norm;
    const next = chosen?.value ?? linear?.source ?? normed?.source;
    if (next === undefined) break;
    source = graph.through(next);
  }
  if (!projection) throw differs('the output', 'a projection', graph.describe(source));
  const behind = row ? undefined : rowAt(graph, source);
  row ??= behind?.row;
  return {
    normalised: unit !== undefined,
    projection,
    source: graph.through(behind?.value ?? source),
    ...(norm && { norm }),
    ...(row && { row }),
  };
}

/** Choice of one row of hidden states, whose result `value` is. */
export function rowAt(graph: TowerGraph, value: string): { row: Row; value: string } | undefined {
  const node = graph.node(value);
  const [source, index] = node?.inputs ?? [];
  if (node?.domain !== '' || !source || !graph.isHidden(source)) return undefined;
  if (node.operator === 'Slice') {
    const window = graph.slice(node);
    const isFirst = window?.from === 0 && window.to === 1;
    return isFirst ? { row: { rule: 'start' }, value: source } : undefined;
  }
  if (!/^Gather(ND|Elements)?$/.test(node.operator) || !index) return undefined;
  if (node.operator === 'Gather' && graph.scalar(index) === 0)
    return { row: { rule: 'start' }, value: source };
  const end = endTokenAt(graph, index);
  return end && { row: end, value: source };
}

/** x of x / ‖x‖, also where the length is kept above a small number; undefined for another operator's result. */
function unitLengthAt(graph: TowerGraph, value: string): string | undefined {
  const whole = graph.made(value, 'LpNormalization');
  if (whole) return (attribute(whole, 'p', 'integer') ?? 2) === 2 ? whole.inputs[0] : undefined;
  const quotient = graph.made(value, 'Div');
  const [vector, divisor] = quotient?.inputs ?? [];
  if (!vector || !divisor || !graph.isHidden(divisor)) return undefined;
  const source = lengthOf(graph, divisor);
  return source !== undefined && source === graph.through(vector) ? vector : undefined;
}

function lengthOf(graph: TowerGraph, divisor: string): string | undefined {
  for (let at = graph.through(divisor); ; ) {
    const node = graph.node(at);
    const [x, other] = node?.inputs ?? [];
    if (node?.operator === 'ReduceL2') return graph.through(x!);
    const isRoot = node?.operator === 'Sqrt' || (node?.operator === 'Pow' && graph.scalar(other) === 0.5);
    if (isRoot) return squaredLengthOf(graph, x!);
    const isKept =
      node?.operator === 'Expand' ||
      node?.operator === 'Clip' ||
      (node?.operator === 'Max' && graph.scalar(other) !== undefined);
    if (!isKept) return undefined;
    at = graph.through(x!);
  }
}

/** x of the sum of its squares. */
function squaredLengthOf(graph: TowerGraph, value: string): string | undefined {
  const whole = graph.made(graph.through(value), 'ReduceSumSquare');
  if (whole) return graph.through(whole.inputs[0]!);
  const sum = graph.made(graph.through(value), 'ReduceSum');
  const square = sum && graph.node(graph.through(sum.inputs[0]!));
  const [base, exponent] = square?.inputs ?? [];
  const isSquare =
    (square?.operator === 'Pow' && graph.scalar(exponent) === 2) ||
    (square?.operator === 'Mul' && base === exponent);
  return isSquare ? graph.through(base!) : undefined;
}
