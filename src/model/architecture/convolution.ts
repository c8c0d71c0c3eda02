import { attribute } from '../onnx/attributes.ts';
import type { OnnxNode } from '../onnx/types.ts';
import type { Convolution } from './architecture.ts';
import type { TowerGraph } from './graph.ts';
import { vectorAt } from './linear.ts';
import { differs } from './unrecognised.ts';

export interface ConvolutionAt {
  readonly source: string;
  readonly convolution: Convolution;
  /** Element type of the weights where they are multiplied. */
  readonly type: string;
}

/** ONNX's default for BatchNormalization. */
const DEFAULT_EPSILON = 1e-5;

/** The convolution, with the batch normalisation behind it, whose result `value` is. Throws Unrecognised for another's. */
export function convolutionAt(graph: TowerGraph, value: string, place: string): ConvolutionAt {
  const batchNorm = graph.made(graph.through(value), 'BatchNormalization');
  const at = graph.through(batchNorm?.inputs[0] ?? value);
  const node = graph.made(at, 'Conv');
  const [source, kernel, bias] = node?.inputs ?? [];
  if (!node || !source || !kernel) throw differs(place, 'a convolution', graph.describe(at));
  const weight = graph.weight(kernel, place);
  const [outputs = 0, , height, width] = weight.dims;
  const stride = same(attribute(node, 'strides', 'integers') ?? [1, 1]);
  const padding = paddingOf(node);
  const isPlain =
    (attribute(node, 'group', 'integer') ?? 1) === 1 &&
    same(attribute(node, 'dilations', 'integers') ?? [1]) === 1;
  if (
    weight.dims.length !== 4 ||
    height !== width ||
    stride === undefined ||
    padding === undefined ||
    !isPlain
  ) {
    throw differs(place, 'a square convolution in one group', graph.describe(at));
  }
  const convolution = {
    weight,
    stride,
    padding,
    // Some exporters make up zeros for a bias that the layer does not have.
    ...(bias && !graph.isZero(bias) && { bias: vectorAt(graph, bias, outputs, `${place}, bias`) }),
    ...(batchNorm && { batchNorm: batchNormOf(graph, batchNorm, outputs, place) }),
  };
  return { source, convolution, type: graph.type(kernel) };
}

function batchNormOf(graph: TowerGraph, node: OnnxNode, outputs: number, place: string) {
  if (attribute(node, 'training_mode', 'integer') === 1) {
    throw differs(place, 'a batch normalisation by stored statistics', graph.describe(node.outputs[0]!));
  }
  const vector = (input: number) =>
    vectorAt(graph, node.inputs[input] ?? '', outputs, `${place}, batch normalisation`);
  const epsilon = attribute(node, 'epsilon', 'float') ?? DEFAULT_EPSILON;
  return { scale: vector(1), shift: vector(2), mean: vector(3), variance: vector(4), epsilon };
}

/** What a window over two axes adds on each side; undefined where sides differ. */
export function paddingOf(node: OnnxNode): number | undefined {
  const automatic = attribute(node, 'auto_pad', 'text') ?? 'NOTSET';
  if (automatic === 'VALID') return 0;
  return automatic === 'NOTSET' ? same(attribute(node, 'pads', 'integers') ?? [0]) : undefined;
}

/** The number that all entries are. */
export function same(entries: readonly number[]): number | undefined {
  return entries.every((entry) => entry === entries[0]) ? entries[0] : undefined;
}
