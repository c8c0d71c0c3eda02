import { attribute } from '../onnx/attributes.ts';
import type { Bottleneck, Convolution, ResNetArchitecture } from './architecture.ts';
import { poolAt } from './attention-pool.ts';
import { type ConvolutionAt, convolutionAt, paddingOf, same } from './convolution.ts';
import type { TowerGraph } from './graph.ts';
import { requirePixels } from './pixels.ts';
import type { Tail } from './tail.ts';
import { differs, Unrecognised } from './unrecognised.ts';
import { resolutionOf } from './vision-transformer.ts';

/** RN50x64 has 64. */
const MAX_BOTTLENECKS = 1000;

/** CLIP's ResNet. Strides are average poolings; the last product of the attention pool gives the vector. */
export function resnet(graph: TowerGraph, tail: Tail): ResNetArchitecture {
  const { pool, source, precision } = poolAt(graph, tail);
  const bottlenecks: Bottleneck[] = [];
  let at = source;
  for (let found = bottleneckAt(graph, at, 0); found; found = bottleneckAt(graph, at, bottlenecks.length)) {
    if (bottlenecks.length >= MAX_BOTTLENECKS)
      throw new Unrecognised(`it has more than ${MAX_BOTTLENECKS} bottlenecks`);
    bottlenecks.unshift(found.bottleneck);
    at = found.source;
  }
  const stages: Bottleneck[][] = [];
  for (const bottleneck of bottlenecks) {
    if (bottleneck.shortcut) stages.push([bottleneck]);
    else if (stages.length === 0)
      throw differs('the first bottleneck', 'a convolution beside it', 'its input itself');
    else stages.at(-1)!.push(bottleneck);
  }
  const stem = stemAt(graph, at);
  requirePixels(graph, stem.source);
  const steps = [
    ...stem.convolutions.map(({ stride }) => stride),
    2,
    ...bottlenecks.map(({ stride }) => stride),
  ];
  return {
    family: 'resnet',
    resolution: resolutionOf(
      graph,
      pool.positions,
      steps.reduce((a, b) => a * b),
    ),
    stem: stem.convolutions,
    stages,
    pool,
    outputWidth: pool.output.outputs,
    normalised: tail.normalised,
    precision,
  };
}

/** `fromEnd` counts from the last. Undefined where `value` is no sum behind a ReLU: the stem's. */
function bottleneckAt(
  graph: TowerGraph,
  value: string,
  fromEnd: number,
): { bottleneck: Bottleneck; source: string } | undefined {
  const relu = graph.made(graph.through(value), 'Relu');
  const sum = relu && graph.made(graph.through(relu.inputs[0]!), 'Add');
  if (!sum) return undefined;
  const place = `bottleneck ${fromEnd + 1} from the end`;
  const [a = '', b = ''] = sum.inputs.map((input) => graph.through(input));
  const [main, beside] = isThird(graph, a, place) ? [a, b] : [b, a];
  const third = convolutionAt(graph, main, `${place}, third convolution`);
  const pooled = averageAt(graph, third.source, place);
  const second = behindRelu(graph, pooled.source, `${place}, second convolution`);
  const first = behindRelu(graph, second.source, `${place}, first convolution`);
  requireSizes([first, second, third], [1, 3, 1], place);
  const source = graph.through(first.source);
  const convolutions = [first.convolution, second.convolution, third.convolution] as const;
  if (beside === source) {
    if (pooled.stride !== 1) throw differs(place, 'a pooled shortcut', 'its input itself');
    return { source, bottleneck: { convolutions, stride: 1 } };
  }
  const shortcut = convolutionAt(graph, beside, `${place}, shortcut`);
  requireSizes([shortcut], [1], `${place}, shortcut`);
  // The stem ends with a pooling of its own, which is no part of the first shortcut.
  const isDirect = graph.through(shortcut.source) === source;
  const input = isDirect ? { source, stride: 1 } : averageAt(graph, shortcut.source, `${place}, shortcut`);
  if (input.source !== source || input.stride !== pooled.stride) {
    throw differs(`${place}, shortcut`, `the input pooled by ${pooled.stride}`, graph.describe(input.source));
  }
  return { source, bottleneck: { convolutions, stride: pooled.stride, shortcut: shortcut.convolution } };
}

/** Whether `value` is the last convolution of a branch: two others, each with a ReLU, precede it. */
function isThird(graph: TowerGraph, value: string, place: string): boolean {
  const node = graph.node(value);
  if (!/^(Conv|BatchNormalization)$/.test(node?.operator ?? '')) return false;
  const { source } = averageAt(graph, convolutionAt(graph, value, place).source, place);
  const relu = graph.made(source, 'Relu');
  const before = relu && graph.node(graph.through(relu.inputs[0]!))?.operator;
  return before === 'Conv' || before === 'BatchNormalization';
}

function behindRelu(graph: TowerGraph, value: string, place: string): ConvolutionAt {
  const relu = graph.made(graph.through(value), 'Relu');
  if (!relu) throw differs(`behind the ${place}`, 'Relu', graph.describe(graph.through(value)));
  return convolutionAt(graph, relu.inputs[0]!, place);
}

/** What an average pooling over square windows side by side is of; `value` itself, by 1, where there is none. */
function averageAt(graph: TowerGraph, value: string, place: string): { source: string; stride: number } {
  const at = graph.through(value);
  const node = graph.made(at, 'AveragePool');
  if (!node) return { source: at, stride: 1 };
  const stride = same(attribute(node, 'strides', 'integers') ?? [1, 1]);
  const size = same(attribute(node, 'kernel_shape', 'integers') ?? []);
  if (
    stride === undefined ||
    size !== stride ||
    paddingOf(node) !== 0 ||
    attribute(node, 'ceil_mode', 'integer')
  ) {
    throw differs(place, 'an average over windows side by side', graph.describe(at));
  }
  return { source: graph.through(node.inputs[0]!), stride };
}

function stemAt(graph: TowerGraph, value: string) {
  const pooled = averageAt(graph, value, 'the stem');
  if (pooled.stride !== 2)
    throw differs('the stem', 'an average pooling over 2', graph.describe(graph.through(value)));
  const third = behindRelu(graph, pooled.source, 'third convolution of the stem');
  const second = behindRelu(graph, third.source, 'second convolution of the stem');
  const first = behindRelu(graph, second.source, 'first convolution of the stem');
  requireSizes(
    [{ ...first, convolution: { ...first.convolution, stride: 1 } }, second, third],
    [3, 3, 3],
    'the stem',
  );
  const convolutions = [first.convolution, second.convolution, third.convolution] as const;
  return { convolutions, source: first.source };
}

/** Sides of the windows, which step by one and keep the size. */
function requireSizes(found: readonly ConvolutionAt[], sizes: readonly number[], place: string): void {
  for (const [i, { convolution }] of found.entries()) {
    const { weight, stride, padding }: Convolution = convolution;
    if (weight.dims[2] === sizes[i] && stride === 1 && padding === (sizes[i]! - 1) / 2) continue;
    const what = `size ${weight.dims[2]}, step ${stride}, padding ${padding}`;
    throw differs(`${place}, convolution ${i + 1}`, `size ${sizes[i]}, step 1`, what);
  }
}
