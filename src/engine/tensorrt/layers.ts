/** What a plan is made of, from the library's own description of its layers, those of all profiles together. */
export interface LayerSummary {
  readonly layers: number;
  /** Of them, those that compute an attention as one kernel. */
  readonly fusedAttentions: number;
  /** The library's word for a layer's kind → how many. */
  readonly kinds: Readonly<Record<string, number>>;
  /** The library's words for the type and layout of a layer's first output → how many. */
  readonly outputs: Readonly<Record<string, number>>;
}

/** `gemm_mha_v2`, `fmha_v2…`: how TensorRT 8.5 to 11 name their kernels of multi-head attention. */
const ATTENTION = /mha/i;

/** @returns undefined where the description is none that is understood */
export function summariseLayers(description: string): LayerSummary | undefined {
  const layers = layersOf(description);
  return (
    layers && {
      layers: layers.length,
      fusedAttentions: layers.filter((layer) => ATTENTION.test(namesOf(layer))).length,
      kinds: countOf(layers.map((layer) => textOf(layer, 'LayerType'))),
      outputs: countOf(layers.map((layer) => outputOf(layer))),
    }
  );
}

/** An object with the library's words, or a layer's name alone. */
type Layer = Readonly<Record<string, unknown>> | string;

function layersOf(description: string): readonly Layer[] | undefined {
  try {
    const { Layers } = JSON.parse(description) as { readonly Layers?: unknown };
    return Array.isArray(Layers) ? (Layers as Layer[]) : undefined;
  } catch {
    return undefined;
  }
}

function namesOf(layer: Layer): string {
  if (typeof layer === 'string') return layer;
  return [textOf(layer, 'Name'), textOf(layer, 'TacticName')].join(' ');
}

function textOf(layer: Layer, key: string): string {
  const value = typeof layer === 'string' ? undefined : layer[key];
  return typeof value === 'string' ? value : 'unknown';
}

function outputOf(layer: Layer): string {
  const outputs = typeof layer === 'string' ? undefined : layer.Outputs;
  const first: unknown = Array.isArray(outputs) ? outputs[0] : undefined;
  return typeof first === 'object' && first !== null ? textOf(first as Layer, 'Format/Datatype') : 'unknown';
}

function countOf(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
