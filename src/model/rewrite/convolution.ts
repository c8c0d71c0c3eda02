import type { Convolution, Weight } from '../architecture/architecture.ts';
import type { GraphDraft, Value } from './draft.ts';

type BatchNorm = NonNullable<Convolution['batchNorm']>;

/**
 * A convolution with its batch normalisation. In float32 that stays a node of its own, which every runtime folds when it loads
 * the graph, so that the weights stay where they lie; for 16 bits it's folded here, before the one rounding.
 */
export function convolution(g: GraphDraft, x: Value, layer: Convolution, role: string): Value {
  const { weight, bias, stride, padding, batchNorm } = layer;
  const [outputs, , height, width] = weight.dims as [number, number, number, number];
  const attributes = {
    kernel_shape: [height, width],
    pads: [padding, padding, padding, padding],
    strides: [stride, stride],
  };
  const input = g.cast(x, g.compute);
  const folds = batchNorm && g.compute !== 'float32';
  const kernel = g.weight(`${role}.weight`, folds ? foldedWeight(weight, batchNorm) : weight, g.compute);
  const shift = folds ? foldedBias(bias, batchNorm) : bias;
  const operands = shift
    ? [input, kernel, g.weight(`${role}.bias`, shift, g.compute, [outputs])]
    : [input, kernel];
  const result = g.op('Conv', operands, attributes);
  return batchNorm && !folds ? normalise(g, result, batchNorm, `${role}.batchNorm`) : result;
}

function normalise(g: GraphDraft, x: Value, batchNorm: BatchNorm, role: string): Value {
  const parts = (['scale', 'shift', 'mean', 'variance'] as const).map((part) =>
    g.weight(`${role}.${part}`, batchNorm[part], x.type),
  );
  return g.op('BatchNormalization', [x, ...parts], { epsilon: { float: batchNorm.epsilon } });
}

function foldedWeight(weight: Weight, batchNorm: BatchNorm): Weight {
  return {
    dims: weight.dims,
    type: 'float32',
    read: async () => {
      const [factors, values] = [await readFactors(batchNorm), await weight.read()];
      const each = values.length / factors.length;
      return values.map((value, i) => value * factors[Math.floor(i / each)]!);
    },
  };
}

function foldedBias(bias: Weight | undefined, batchNorm: BatchNorm): Weight {
  return {
    dims: batchNorm.shift.dims,
    type: 'float32',
    read: async () => {
      const [factors, shift, mean] = [
        await readFactors(batchNorm),
        await batchNorm.shift.read(),
        await batchNorm.mean.read(),
      ];
      const before = await bias?.read();
      return shift.map((value, i) => value + ((before?.[i] ?? 0) - mean[i]!) * factors[i]!);
    },
  };
}

/** float64, so that the folded numbers are rounded once. */
async function readFactors({ scale, variance, epsilon }: BatchNorm): Promise<Float64Array> {
  const [scales, variances] = [await scale.read(), await variance.read()];
  return Float64Array.from(scales, (value, i) => value / Math.sqrt(variances[i]! + epsilon));
}
