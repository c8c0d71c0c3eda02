import type { EndToken, TextArchitecture } from '../architecture/architecture.ts';
import type { GraphDraft, Value } from './draft.ts';
import { norm, vectors } from './layers.ts';
import type { RewriteOptions } from './options.ts';
import type { Sequence } from './sequence.ts';
import { transformer } from './transformer.ts';

/** Added to the score of a token that stands behind: its share is 0 in float32, yet no row can become NaN in 16 bits. */
const BEHIND = -65_504;

export function buildText(g: GraphDraft, tower: TextArchitecture, options: RewriteOptions): void {
  const { embedded, sequence } = options.columns === 'packed' ? packed(g, tower) : padded(g, tower, options);
  const picked = transformer(g, embedded, tower.transformer, sequence);
  vectors(g, norm(g, picked, tower.finalNorm, 'finalNorm', 'float32'), tower.projection, tower);
}

interface Embedded {
  /** [tokens, width], of the residual stream's type. */
  readonly embedded: Value;
  readonly sequence: Sequence;
}

function padded(g: GraphDraft, tower: TextArchitecture, options: RewriteOptions): Embedded {
  const context = tower.positions.dims[0]!;
  const isOpen = options.columns === 'dynamic';
  const ids = g.input('input_ids', 'int32', ['rows', isOpen ? 'columns' : context]);
  const columns = isOpen ? axis(g, ids, 1) : g.integers([context]);
  const end = options.end === 'given' ? givenEnd(g) : foundEnd(g, ids, tower.endToken);
  const positions = positionWeight(g, tower);
  const cut = isOpen ? head(g, positions, columns, 0) : positions;
  const embedded = g.op('Add', [g.op('Gather', [tokenWeight(g, tower), ids], { axis: 0 }), cut]);
  const shaped = (value: Value, shape: readonly number[]) =>
    g.reshape(value, g.integer('Concat', [g.integers([-1]), columns, g.integers(shape)], { axis: 0 }));
  const sequence: Sequence = {
    spread: shaped,
    collect: (value, width) => g.reshape(value, [-1, width]),
    pick: (value, width) => g.op('GatherND', [shaped(value, [width]), end], { batch_dims: 1 }),
    ...masks(g, context, columns, end),
  };
  return { embedded: g.reshape(embedded, [-1, tower.transformer.width]), sequence };
}

/** See `PackedTexts` for the inputs. */
function packed(g: GraphDraft, tower: TextArchitecture): Embedded {
  const context = tower.positions.dims[0]!;
  const tokens = g.input('tokens', 'int32', ['tokens']);
  const positions = g.input('positions', 'int32', ['tokens']);
  const places = g.input('places', 'int32', ['tokens']);
  const index = g.input('index', 'int32', ['rows', 'columns']);
  const end = g.input('end', 'int32', ['rows']);
  const columns = axis(g, index, 1);
  const embedded = g.op('Add', [
    g.op('Gather', [tokenWeight(g, tower), tokens], { axis: 0 }),
    g.op('Gather', [positionWeight(g, tower), positions], { axis: 0 }),
  ]);
  const endColumn = g.integer('Unsqueeze', [
    g.integer('Gather', [positions, end], { axis: 0 }),
    g.integers([1]),
  ]);
  const sequence: Sequence = {
    spread: (value, shape) => g.reshape(g.op('Gather', [value, index], { axis: 0 }), [0, 0, ...shape]),
    collect: (value, width) => g.op('Gather', [g.reshape(value, [-1, width]), places], { axis: 0 }),
    pick: (value) => g.op('Gather', [value, end], { axis: 0 }),
    ...masks(g, context, columns, endColumn),
  };
  return { embedded, sequence };
}

function tokenWeight(g: GraphDraft, { tokens }: TextArchitecture): Value {
  return g.weight('tokens', tokens, g.residual);
}

function positionWeight(g: GraphDraft, { positions }: TextArchitecture): Value {
  return g.weight('positions', positions, g.residual);
}

/** Size of an axis, int64 [1]. */
function axis(g: GraphDraft, value: string, at: number): string {
  return g.integer('Slice', [g.integer('Shape', [value]), g.integers([at]), g.integers([at + 1])]);
}

/** The first elements of an axis. */
function head(g: GraphDraft, value: Value, count: string, at: number): Value {
  return g.op('Slice', [value, g.integers([0]), count, g.integers([at])]);
}

/** `end`: columns of the tokens that become the vectors, [rows, 1]. */
function masks(g: GraphDraft, context: number, columns: string, end: string) {
  const cells = Array.from({ length: context ** 2 }, (_, i) =>
    i % context > Math.floor(i / context) ? BEHIND : 0,
  );
  const causal = g.floats('causal', cells, [context, context]);
  const rows = g.op('Gather', [causal, end], { axis: 0 });
  return {
    mask: head(g, head(g, causal, columns, 0), columns, 1),
    pickedMask: head(g, rows, columns, 2),
  };
}

/** int64 [rows, 1] */
function givenEnd(g: GraphDraft): string {
  const end = g.input('end', 'int32', ['rows']);
  return g.int64Of(g.integer('Unsqueeze', [end, g.integers([1])]));
}

/** int64 [rows, 1]. ArgMax takes the first of equal ones. */
function foundEnd(g: GraphDraft, ids: string, rule: EndToken): string {
  const marked =
    rule.rule === 'largest' ? ids : g.int32Of(g.integer('Equal', [g.int64Of(ids), g.integers([rule.id])]));
  return g.integer('ArgMax', [marked], { axis: 1, keepdims: 1 });
}
