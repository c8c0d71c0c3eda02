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
  const positions = g.weight('positional_embedding', [CONTEXT, width], 0.01);
  const embedded = g.op('Add', [g.op('Gather', [table, ids], { axis: 0 }), positions]);
  const above = (i: number) => i % CONTEXT > Math.floor(i / CONTEXT);
  const values = Array.from({ length: CONTEXT ** 2 }, (_, i) => (above(i) ? -Infinity : 0));
  const mask = g.floats('causal', values, [CONTEXT, CONTEXT]);
  const hidden = transformer(g, embedded, shape, options.activation, mask);
  // ArgMax on int64 fails in older runtimes, so the files in use compare int32.
  const narrow = options.ids === 'int64' ? g.op('Cast', [ids], { to: 6 }) : ids;
  const end = g.op('ArgMax', [narrow], { axis: 1, keepdims: 1 });
  const pooled = g.op('GatherND', [norm(g, hidden, 'ln_final', width), end], { batch_dims: 1 });
  const projection = g.weight('text_projection', [width, embed], width ** -0.5);
  vectorOutput(g, g.op('MatMul', [pooled, projection]), embed, options);
}
