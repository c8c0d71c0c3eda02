import { ClipError } from '../../errors.ts';
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
 * A graph that cannot be followed at all is not recognised either: whether it can be run is for a runtime to say.
 */
export async function recognise(model: OnnxModel, port: Port, signal?: AbortSignal): Promise<Recognition> {
  try {
    const graph = await TowerGraph.of(model, port, signal);
    const tail = tailOf(graph);
    if (port.tower === 'text') return { architecture: textTower(graph, tail) };
    return { architecture: tail.norm ? visionTransformer(graph, tail) : resnet(graph, tail) };
  } catch (error) {
    const isKnown =
      error instanceof Unrecognised || (error instanceof ClipError && error.code === 'model_invalid');
    if (isKnown) return { reason: error.message };
    throw error;
  }
}
