import type { Graph } from './graph.ts';
import type { ModelOptions } from './options.ts';

export interface TransformerShape {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
}

/** `layers` pre-norm residual blocks over [batch, tokens, width], with weights at CLIP's initial scales. */
export function transformer(
  g: Graph,
  x: string,
  shape: TransformerShape,
  activation: ModelOptions['activation'],
  mask?: string,
): string {
  const { width, layers } = shape;
  const inner = width * 4;
  const projectionStd = (width * 2 * layers) ** -0.5;
  let y = x;
  for (let i = 0; i < layers; i++) {
    const name = `resblocks.${i}`;
    const attended = attention(g, norm(g, y, `${name}.ln_1`, width), `${name}.attn`, shape, mask);
    y = g.op('Add', [y, linear(g, attended, `${name}.attn.out_proj`, width, width, projectionStd)]);
    const normed = norm(g, y, `${name}.ln_2`, width);
    const hidden = linear(g, normed, `${name}.mlp.c_fc`, width, inner, (2 * width) ** -0.5);
    const active = activation === 'gelu' ? gelu(g, hidden) : quickGelu(g, hidden);
    y = g.op('Add', [y, linear(g, active, `${name}.mlp.c_proj`, inner, width, projectionStd)]);
  }
  return y;
}

/** Multi-head self-attention without its output projection; `mask` is added to the scores. */
function attention(g: Graph, x: string, name: string, shape: TransformerShape, mask?: string): string {
  const { width, heads } = shape;
  const size = width / heads;
  const joined = linear(g, x, `${name}.in_proj`, width, 3 * width, width ** -0.5);
  const split = g.op('Reshape', [joined, g.integers([0, 0, 3, heads, size])]);
  const parts = g.ops(
    'Split',
    [g.op('Transpose', [split], { perm: [2, 0, 3, 1, 4] }), g.integers([1, 1, 1])],
    3,
    { axis: 0 },
  );
  const [q, k, v] = parts.map((part) => g.op('Squeeze', [part, g.integers([0])]));
  const scaled = g.op('Mul', [q!, g.floats(`scale_${size}`, [size ** -0.5])]);
  const scores = g.op('MatMul', [scaled, g.op('Transpose', [k!], { perm: [0, 1, 3, 2] })]);
  const shares = g.op('Softmax', [mask ? g.op('Add', [scores, mask]) : scores], { axis: -1 });
  const mixed = g.op('Transpose', [g.op('MatMul', [shares, v!])], { perm: [0, 2, 1, 3] });
  return g.op('Reshape', [mixed, g.integers([0, 0, width])]);
}

export function linear(
  g: Graph,
  x: string,
  name: string,
  inputs: number,
  outputs: number,
  std: number,
): string {
  const product = g.op('MatMul', [x, g.weight(`${name}.weight`, [inputs, outputs], std)]);
  return g.op('Add', [product, g.weight(`${name}.bias`, [outputs], 0.01)]);
}

export function norm(g: Graph, x: string, name: string, width: number): string {
  const scale = g.weight(`${name}.weight`, [width], 0, 1);
  const bias = g.weight(`${name}.bias`, [width], 0.01);
  return g.op('LayerNormalization', [x, scale, bias], { axis: -1, epsilon: { float: 1e-5 } });
}

function quickGelu(g: Graph, x: string): string {
  return g.op('Mul', [x, g.op('Sigmoid', [g.op('Mul', [x, g.floats('quick_gelu', [1.702])])])]);
}

function gelu(g: Graph, x: string): string {
  const erf = g.op('Erf', [g.op('Mul', [x, g.floats('sqrt_half', [Math.SQRT1_2])])]);
  const share = g.op('Add', [erf, g.floats('one', [1])]);
  return g.op('Mul', [g.op('Mul', [x, g.floats('half', [0.5])]), share]);
}
