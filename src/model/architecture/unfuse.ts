import type { OnnxNode } from '../onnx/types.ts';

const MICROSOFT = 'com.microsoft';

/**
 * Replaces operators that an optimiser has fused by those they stand for, so that the recogniser meets one spelling.
 * Only ever read: the nodes are not run.
 */
export function unfuse(nodes: readonly OnnxNode[]): OnnxNode[] {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  return nodes.flatMap((node) => {
    if (node.domain !== MICROSOFT) return [node];
    if (node.operator === 'SkipLayerNormalization') return skipNorm(node, makers);
    if (node.operator === 'BiasGelu') return biasGelu(node);
    if (node.operator === 'FusedConv') return fusedConvolution(node);
    return [node];
  });
}

/** norm(x + skip + bias); the sum is the fourth output. */
function skipNorm(node: OnnxNode, makers: ReadonlyMap<string, OnnxNode>): OnnxNode[] {
  const [x = '', skip = '', scale = '', shift = '', bias = ''] = node.inputs;
  const [normed = ''] = node.outputs;
  const sum = node.outputs[3] || `${normed} (sum)`;
  const result: OnnxNode[] = [];
  let sides = [x, skip];
  if (bias) {
    // The bias is that of the product among the two; what it is added to first makes no difference.
    const product = makers.get(x)?.operator === 'MatMul' ? x : skip;
    const biased = `${normed} (biased)`;
    result.push(plain(node, 'Add', [product, bias], biased));
    sides = sides.map((side) => (side === product ? biased : side));
  }
  result.push(plain(node, 'Add', sides, sum));
  result.push({
    ...plain(node, 'LayerNormalization', [sum, scale, shift], normed),
    attributes: node.attributes,
  });
  return result;
}

function biasGelu(node: OnnxNode): OnnxNode[] {
  const [output = ''] = node.outputs;
  const biased = `${output} (biased)`;
  return [plain(node, 'Add', node.inputs, biased), plain(node, 'Gelu', [biased], output)];
}

/** Activation of a convolution, or of its sum with a fourth input. */
function fusedConvolution(node: OnnxNode): OnnxNode[] {
  const activation = node.attributes.get('activation');
  const [output = ''] = node.outputs;
  const addend = node.inputs[3];
  if (activation?.kind !== 'text' || activation.value !== 'Relu') return [node];
  const names = { product: `${output} (product)`, sum: `${output} (sum)` };
  const convolution = {
    ...plain(node, 'Conv', node.inputs.slice(0, 3), names.product),
    attributes: node.attributes,
  };
  const sum = addend ? [plain(node, 'Add', [names.product, addend], names.sum)] : [];
  return [convolution, ...sum, plain(node, 'Relu', [addend ? names.sum : names.product], output)];
}

function plain(origin: OnnxNode, operator: string, inputs: readonly string[], output: string): OnnxNode {
  return { name: origin.name, operator, domain: '', inputs, outputs: [output], attributes: new Map() };
}
