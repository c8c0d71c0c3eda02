import type { Preset } from './presets.ts';

/** What a test may choose about a pair of towers besides its preset. */
export interface ModelOptions {
  readonly preset: Preset;
  /** Default 0. Other seeds give other weights. */
  readonly seed?: number;
  /** Element type of the ids, and of the mask; default int32. */
  readonly ids?: 'int32' | 'int64';
  /** Adds an input `attention_mask`, which changes nothing. */
  readonly attentionMask?: boolean;
  /** Element type of float pixels and vectors; arithmetic stays float32. Default float32. */
  readonly io?: 'float32' | 'float16';
  /** `uint8` takes [batch, R, R, 3] and normalises inside; `float` takes normalised [batch, 3, R, R]. Default float. */
  readonly pixels?: 'float' | 'uint8';
  /** Vectors of length 1. */
  readonly normalised?: boolean;
  /** Weights in `*.onnx.data` files. */
  readonly external?: boolean;
  /** Axis 0 is fixed to 1. */
  readonly fixedBatch?: boolean;
  /** `dynamic`: the text tower takes any number of columns up to 77. Default 77 always. */
  readonly columns?: 'context' | 'dynamic';
  /** Makes the text tower another than the one without it: no causal mask, or the first row for the end token's. */
  readonly flaw?: 'no mask' | 'first row';
  /** Of the transformers' MLPs; default quick_gelu. */
  readonly activation?: 'quick_gelu' | 'gelu';
  /** Input and output names that differ from clip-as-service's. */
  readonly names?: { readonly ids?: string; readonly pixels?: string; readonly output?: string };
}
