import type { Graph } from './graph.ts';
import type { ModelOptions } from './options.ts';
import { pixelInput, vectorOutput } from './ports.ts';
import { linear } from './transformer.ts';

export interface ResnetShape {
  readonly resolution: number;
  /** Channels after the stem. */
  readonly width: number;
  /** Bottlenecks per stage. */
  readonly stages: readonly [number, number, number, number];
}

/** CLIP's ResNet image tower: stem of three convolutions, strides by average pooling, attention pool at the end. */
export function resnet(g: Graph, shape: ResnetShape, embed: number, options: ModelOptions): void {
  const { width, resolution } = shape;
  const half = width / 2;
  let x = pixelInput(g, resolution, options);
  x = g.op('Relu', [convolution(g, x, 'stem.1', 3, half, 3, 2)]);
  x = g.op('Relu', [convolution(g, x, 'stem.2', half, half, 3)]);
  x = g.op('Relu', [convolution(g, x, 'stem.3', half, width, 3)]);
  x = averagePool(g, x);
  let channels = width;
  for (const [stage, blocks] of shape.stages.entries()) {
    for (let i = 0; i < blocks; i++) {
      const planes = width * 2 ** stage;
      x = bottleneck(g, x, `layer${stage + 1}.${i}`, channels, planes, stage > 0 && i === 0);
      channels = planes * 4;
    }
  }
  vectorOutput(g, attentionPool(g, x, channels, (resolution / 32) ** 2, embed), embed, options);
}

function bottleneck(
  g: Graph,
  x: string,
  name: string,
  channels: number,
  planes: number,
  shrink: boolean,
): string {
  const wide = planes * 4;
  const narrow = g.op('Relu', [convolution(g, x, `${name}.1`, channels, planes, 1)]);
  const middle = g.op('Relu', [convolution(g, narrow, `${name}.2`, planes, planes, 3)]);
  const last = shrink ? averagePool(g, middle) : middle;
  // Trained branches add little to their block, initial ones nothing (openai/CLIP). Were each as large as what it is added to,
  // the last layer's attention would jump from place to place at a rounding.
  const branch = convolution(g, last, `${name}.3`, planes, wide, 1, 1, 0.2);
  const shortcut =
    shrink || channels !== wide
      ? convolution(g, shrink ? averagePool(g, x) : x, `${name}.downsample`, channels, wide, 1)
      : x;
  return g.op('Relu', [g.op('Add', [branch, shortcut])]);
}

/** Convolution and batch normalisation; He's scale keeps the activations' size from layer to layer. */
function convolution(
  g: Graph,
  x: string,
  name: string,
  inputs: number,
  outputs: number,
  size: number,
  stride = 1,
  normScale = 0.8,
): string {
  const weight = g.weight(`${name}.conv`, [outputs, inputs, size, size], (2 / (inputs * size * size)) ** 0.5);
  const edge = (size - 1) / 2;
  const y = g.op('Conv', [x, weight], {
    kernel_shape: [size, size],
    pads: [edge, edge, edge, edge],
    strides: [stride, stride],
  });
  const parameters = [
    g.weight(`${name}.bn.scale`, [outputs], 0.1, normScale),
    g.weight(`${name}.bn.bias`, [outputs], 0.01),
    g.weight(`${name}.bn.mean`, [outputs], 0.1),
    g.weight(`${name}.bn.var`, [outputs], 0.05, 1),
  ];
  return g.op('BatchNormalization', [y, ...parameters], { epsilon: { float: 1e-5 } });
}

function averagePool(g: Graph, x: string): string {
  return g.op('AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 2] });
}

/** One query, the mean token; heads are 64 wide. */
function attentionPool(g: Graph, x: string, width: number, cells: number, embed: number): string {
  const heads = width / 64;
  const std = width ** -0.5;
  const tokens = g.op('Transpose', [g.op('Reshape', [x, g.integers([0, width, cells])])], {
    perm: [0, 2, 1],
  });
  const mean = g.op('ReduceMean', [tokens], { axes: [1], keepdims: 1 });
  const all = g.op('Add', [
    g.op('Concat', [mean, tokens], { axis: 1 }),
    g.weight('attnpool.positions', [cells + 1, width], std),
  ]);
  const first = g.op('Slice', [all, g.integers([0]), g.integers([1]), g.integers([1])]);
  const byHead = (source: string, name: string, perm: number[]) => {
    const projected = linear(g, source, `attnpool.${name}`, width, width, std);
    return g.op('Transpose', [g.op('Reshape', [projected, g.integers([0, 0, heads, 64])])], { perm });
  };
  const q = g.op('Mul', [byHead(first, 'q_proj', [0, 2, 1, 3]), g.floats('scale_64', [0.125])]);
  const scores = g.op('MatMul', [q, byHead(all, 'k_proj', [0, 2, 3, 1])]);
  const shares = g.op('Softmax', [scores], { axis: -1 });
  const mixed = g.op('MatMul', [shares, byHead(all, 'v_proj', [0, 2, 1, 3])]);
  const pooled = g.op('Reshape', [mixed, g.integers([0, width])]);
  return linear(g, pooled, 'attnpool.c_proj', width, embed, std);
}
