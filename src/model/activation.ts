import type { TowerArchitecture } from './architecture/architecture.ts';
import { recognise } from './architecture/recognise.ts';
import { scalarOf } from './onnx/elements.ts';
import { type OnnxModel, type OnnxNode, withNested } from './onnx/types.ts';
import type { TowerContract } from './tower.ts';

/** QuickGELU is x · σ(1.702 x). */
const QUICK_FACTOR = 1.702;
const GELU_OPERATORS = new Set(['Erf', 'Gelu', 'FastGelu', 'BiasGelu']);

interface Activations {
  readonly quickGelu: number;
  readonly gelu: number;
}

/** Of a graph that is not recognised: operators that are, or are part of, each activation. */
function countActivations(model: OnnxModel): Activations {
  const graphs = [...withNested(model)];
  const nodes = graphs.flatMap((graph) => graph.nodes);
  const factors = new Set<string>();
  for (const tensor of graphs.flatMap((graph) => graph.tensors)) {
    const factor = scalarOf(tensor);
    if (factor !== undefined && Math.abs(factor - QUICK_FACTOR) < 0.01) factors.add(tensor.name);
  }
  const scaled = scaledBy(factors, nodes);
  let quickGelu = 0;
  let gelu = 0;
  for (const { operator, inputs } of nodes) {
    if (operator === 'QuickGelu' || (operator === 'Sigmoid' && scaled.has(inputs[0]!))) quickGelu++;
    else if (GELU_OPERATORS.has(operator)) gelu++;
  }
  return { quickGelu, gelu };
}

/** Names of the values that are something times one of `factors`. */
function scaledBy(factors: ReadonlySet<string>, nodes: readonly OnnxNode[]): Set<string> {
  const products = nodes.filter(
    ({ operator, inputs }) => operator === 'Mul' && inputs.some((name) => factors.has(name)),
  );
  return new Set(products.flatMap(({ outputs }) => outputs));
}

/**
 * Doubt about a graph that goes by the name of OpenAI's weights, which were trained with QuickGELU: some exporters
 * build plain GELU, whose vectors differ. Undefined where there is none.
 */
export async function activationDoubt(
  model: OnnxModel,
  contract: TowerContract,
  signal: AbortSignal,
): Promise<string | undefined> {
  const recognition = await recognise(model, contract, signal);
  const { quickGelu, gelu } =
    'reason' in recognition ? countActivations(model) : activationsOf(recognition.architecture);
  if (gelu === 0) return undefined;
  return (
    `${model.path} computes plain GELU (${gelu} times, QuickGELU ${quickGelu} times), but OpenAI's weights need ` +
    "QuickGELU: its vectors will differ from OpenAI's. Export it again with the -quickgelu architecture."
  );
}

function activationsOf(architecture: TowerArchitecture): Activations {
  if (architecture.family === 'resnet') return { quickGelu: 0, gelu: 0 };
  const { activation, blocks } = architecture.transformer;
  return activation === 'gelu'
    ? { quickGelu: 0, gelu: blocks.length }
    : { quickGelu: blocks.length, gelu: 0 };
}
