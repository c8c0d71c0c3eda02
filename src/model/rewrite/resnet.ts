import type { Bottleneck, ResNetArchitecture } from '../architecture/architecture.ts';
import { attendOnce } from './attention.ts';
import { convolution } from './convolution.ts';
import type { GraphDraft, Value } from './draft.ts';
import { addBranch, vectors } from './layers.ts';
import type { RewriteOptions } from './options.ts';
import { pixelInput } from './pixels.ts';

export function buildResNet(g: GraphDraft, tower: ResNetArchitecture, options: RewriteOptions): void {
  let x = pixelInput(g, tower.resolution, options.pixels);
  for (const [i, layer] of tower.stem.entries()) x = relu(g, convolution(g, x, layer, `stem.${i}`));
  x = g.cast(averagePool(g, x, 2), g.residual);
  for (const [stage, bottlenecks] of tower.stages.entries()) {
    for (const [i, bottleneck] of bottlenecks.entries()) x = shrink(g, x, bottleneck, `stages.${stage}.${i}`);
  }
  vectors(g, poolByAttention(g, x, tower.pool), tower.pool.output, tower);
}

function shrink(g: GraphDraft, x: Value, bottleneck: Bottleneck, role: string): Value {
  const { stride, convolutions, shortcut } = bottleneck;
  const [first, second, third] = convolutions;
  const narrow = relu(g, convolution(g, x, first, `${role}.convolutions.0`));
  const middle = relu(g, convolution(g, narrow, second, `${role}.convolutions.1`));
  const branch = convolution(g, averagePool(g, middle, stride), third, `${role}.convolutions.2`);
  const direct = shortcut ? convolution(g, averagePool(g, x, stride), shortcut, `${role}.shortcut`) : x;
  return relu(g, addBranch(g, g.cast(direct, g.residual), branch));
}

function relu(g: GraphDraft, x: Value): Value {
  return g.op('Relu', [x]);
}

function averagePool(g: GraphDraft, x: Value, side: number): Value {
  return side === 1 ? x : g.op('AveragePool', [x], { kernel_shape: [side, side], strides: [side, side] });
}

/** [rows, channels, grid, grid] → [rows, channels]. The mean is taken in float32, as norms are. */
function poolByAttention(g: GraphDraft, x: Value, pool: ResNetArchitecture['pool']): Value {
  const [tokens, channels] = pool.positions.dims as [number, number];
  const flat = g.transpose(g.reshape(g.cast(x, 'float32'), [0, channels, tokens - 1]), [0, 2, 1]);
  const mean = g.op('ReduceMean', [flat, g.integers([1])], { keepdims: 1 });
  const placed = g.op('Add', [
    g.op('Concat', [mean, flat], { axis: 1 }),
    g.weight('pool.positions', pool.positions, 'float32'),
  ]);
  const all = g.cast(placed, g.compute);
  const one = g.op('Gather', [all, g.integers([0], [])], { axis: 1 });
  return attendOnce(g, one, all, pool, pool.heads, undefined, 'pool');
}
