import type { OnnxModel } from '../onnx/types.ts';
import type { TowerArchitecture } from './architecture.ts';
import { TowerGraph } from './graph.ts';
import { resnet } from './resnet.ts';
import { tailOf } from './tail.ts';
import { textTower } from './text.ts';
import type { Port } from './trial.ts';
import { Unrecognised } from './unrecognised.ts';
import { visionTransformer } from './vision-transformer.ts';

/** A clause that says what was expected, what was found and where: "… is not recognised: ${reason}". */
export type Recognition = { readonly architecture: TowerArchitecture } | { readonly reason: string };

/**
 * Which tower a graph is, from its structure alone: names of nodes and weights say nothing. Whatever lies between the
 * contract's input and output has a place in the architecture, or the graph is not recognised; how elements are arranged
 * in between is not looked at, so a graph built from the architecture has to be compared with this one.
 * Throws `model_invalid` for a graph that cannot be run at all.
 */
export async function recognise(model: OnnxModel, port: Port, signal?: AbortSignal): Promise<Recognition> {
  try {
    const graph = await TowerGraph.of(model, port, signal);
    const tail = tailOf(graph);
    if (port.tower === 'text') return { architecture: textTower(graph, tail) };
    return { architecture: tail.norm ? visionTransformer(graph, tail) : resnet(graph, tail) };
  } catch (error) {
    if (error instanceof Unrecognised) return { reason: error.message };
    throw error;
  }
}
