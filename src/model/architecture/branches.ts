import { Constants } from '../onnx/constants/constants.ts';
import { StoredSource } from '../onnx/constants/stored.ts';
import { viewOf } from '../onnx/constants/view.ts';
import { GraphLinks } from '../onnx/links.ts';
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from '../onnx/types.ts';
import { type Port, Trial } from './trial.ts';

/** Branches in branches; exporters write two. */
const MAX_DEPTH = 8;

/**
 * `model` with the nodes of each branch that a trial takes, instead of the If: exporters leave questions for the number of
 * axes in a graph. An If whose condition is not known stays. Throws `model_invalid` for a graph that cannot be run.
 */
export async function takeBranches(model: OnnxModel, port: Port, signal?: AbortSignal): Promise<OnnxModel> {
  if (!model.nodes.some(isBranch)) return model;
  const trial = new Trial(model, await Constants.of(new GraphLinks(model), signal), port);
  const tensors: OnnxTensor[] = [];
  const follow = (nodes: readonly OnnxNode[], depth: number): OnnxNode[] =>
    nodes.flatMap((node) => {
      const taken = isBranch(node) && depth < MAX_DEPTH ? branchOf(node, trial) : undefined;
      if (!taken) {
        trial.follow(node);
        return [node];
      }
      for (const tensor of taken.tensors) {
        tensors.push(tensor);
        trial.set(
          tensor.name,
          viewOf(tensor.type, tensor.dims, new StoredSource(tensor, model.path, new Map())),
        );
      }
      return follow(taken.nodes, depth + 1);
    });
  // In the file's order, since a branch takes values that are not among the inputs of its If.
  const nodes = follow(model.nodes, 0);
  return { ...model, nodes, tensors: [...model.tensors, ...tensors] };
}

function isBranch({ operator, domain }: OnnxNode): boolean {
  return operator === 'If' && domain === '';
}

/** The branch taken, its values renamed so that none of another bears the same name. */
function branchOf(node: OnnxNode, trial: Trial): Pick<OnnxGraph, 'nodes' | 'tensors'> | undefined {
  const condition = trial.numbers(node.inputs[0] ?? '');
  const branch = node.attributes.get(condition?.[0] ? 'then_branch' : 'else_branch');
  if (condition?.length !== 1 || branch?.kind !== 'graph') return undefined;
  const { nodes, tensors, outputs } = branch.value;
  const own = new Set([...tensors.map(({ name }) => name), ...nodes.flatMap((inner) => inner.outputs)]);
  const rename = (name: string) => (name && own.has(name) ? `${node.outputs[0]}/${name}` : name);
  const results = outputs.map(
    ({ name }, i): OnnxNode => ({
      name: node.name,
      operator: 'Identity',
      domain: '',
      inputs: [rename(name)],
      outputs: [node.outputs[i] ?? ''],
      attributes: new Map(),
    }),
  );
  return {
    tensors: tensors.map((tensor) => ({ ...tensor, name: rename(tensor.name) })),
    nodes: [...nodes.map((inner) => renamed(inner, rename)), ...results],
  };
}

function renamed(node: OnnxNode, rename: (name: string) => string): OnnxNode {
  const attributes = new Map(node.attributes);
  for (const [key, held] of attributes) {
    if (held.kind !== 'graph') continue;
    const { nodes, outputs } = held.value;
    const value = {
      ...held.value,
      nodes: nodes.map((inner) => renamed(inner, rename)),
      outputs: outputs.map((output) => ({ ...output, name: rename(output.name) })),
    };
    attributes.set(key, { kind: 'graph', value });
  }
  return { ...node, attributes, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) };
}
