import type { Graph } from './graph.ts';
import type { ModelOptions } from './options.ts';
import { CONTEXT, idInput, vectorOutput } from './ports.ts';
import { norm, type TransformerShape, transformer } from './transformer.ts';

const VOCABULARY = 49_408;

/** CLIP's text tower: causal, and the vector stands at the highest id, which is the end token's. */
export function textTower(g: Graph, shape: TransformerShape, embed: number, options: ModelOptions): void {
  const { width } = shape;
  const ids = idInput(g, options);
  const table = g.weight('token_embedding', [VOCABULARY, width], 0.02);
  const positions = cut(g, g.weight('positional_embedding', [CONTEXT, width], 0.01), [0], ids, options);
  const embedded = g.op('Add', [g.op('Gather', [table, ids], { axis: 0 }), positions]);
  const above = (i: number) => i % CONTEXT > Math.floor(i / CONTEXT);
  const values = Array.from({ length: CONTEXT ** 2 }, (_, i) => (above(i) ? -Infinity : 0));
  const mask = cut(g, g.floats('causal', values, [CONTEXT, CONTEXT]), [0, 1], ids, options);
  const hidden = transformer(
    g,
    embedded,
    shape,
    options.activation,
    options.flaw === 'no mask' ? undefined : mask,
  );
  // ArgMax on int64 fails in older runtimes, so the files in use compare int32.
  const narrow = options.ids === 'int64' ? g.op('Cast', [ids], { to: 6 }) : ids;
  const wanted = options.flaw === 'first row' ? g.op('Neg', [narrow]) : narrow;
  const end = g.op('ArgMax', [wanted], { axis: 1, keepdims: 1 });
  const pooled = g.op('GatherND', [norm(g, hidden, 'ln_final', width), end], { batch_dims: 1 });
  const projection = g.weight('text_projection', [width, embed], width ** -0.5);
  vectorOutput(g, g.op('MatMul', [pooled, projection]), embed, options);
}

/** As many of a constant's elements along these axes as the ids have columns. */
function cut(g: Graph, value: string, axes: number[], ids: string, { columns }: ModelOptions): string {
  if (columns !== 'dynamic') return value;
  const count = g.op('Slice', [g.op('Shape', [ids]), g.integers([1]), g.integers([2])]);
  const ends = axes.length === 1 ? count : g.op('Concat', [count, count], { axis: 0 });
  return g.op('Slice', [value, g.integers(axes.map(() => 0)), ends, g.integers(axes)]);
}
