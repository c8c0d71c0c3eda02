/**
 * What a CLIP tower is, in the terms of the paper rather than of an exporter: its weights by their role. The recogniser makes
 * it from a graph's structure; the rewriter builds a graph from it.
 */

/** Numbers that a graph holds, as they lie in a file or after steps that depend on no input (a transposition, a slice). */
export interface Weight {
  readonly dims: readonly number[];
  /** As stored. */
  readonly type: 'float32' | 'float16' | 'bfloat16';
  /** Where little-endian elements lie, row-major and unchanged; absent where they have to be computed. */
  readonly place?: Place;
  /** The elements as float32, row-major. @throws ClipError model_invalid */
  read(): Promise<Float32Array>;
}

export interface Place {
  /** Absolute path. */
  readonly path: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** x · Wᵀ + b. */
export interface Linear {
  /** `[outputs, inputs]`, as PyTorch keeps it, or `[inputs, outputs]`. */
  readonly weight: Weight;
  readonly layout: 'out-in' | 'in-out';
  readonly inputs: number;
  readonly outputs: number;
  /** [outputs] */
  readonly bias?: Weight;
}

/** Layer normalisation over the last axis. */
export interface Norm {
  readonly scale: Weight;
  readonly shift: Weight;
  readonly epsilon: number;
}

/** One residual block: x + attention(norm(x)), then x + mlp(norm(x)). */
export interface Block {
  readonly attentionNorm: Norm;
  /** Queries, keys and values, joint in this order along the outputs, or each for itself. No scale is inside. */
  readonly projections:
    | { readonly joint: Linear }
    | { readonly query: Linear; readonly key: Linear; readonly value: Linear };
  readonly attentionOutput: Linear;
  readonly mlpNorm: Norm;
  readonly mlpInput: Linear;
  readonly mlpOutput: Linear;
}

export interface Transformer {
  readonly width: number;
  readonly heads: number;
  readonly activation: 'quick_gelu' | 'gelu';
  readonly blocks: readonly Block[];
}

interface Common {
  /** Components of the vector. */
  readonly outputWidth: number;
  /** True where the graph divides the vector by its length. */
  readonly normalised: boolean;
  /** Of the arithmetic in the graph. */
  readonly precision: 'fp32' | 'fp16' | 'bf16';
}

/** Position whose row becomes the vector: of the largest id, or the first of an id. Of several equal ones the first. */
export type EndToken = { readonly rule: 'largest' } | { readonly rule: 'first'; readonly id: number };

/** Causal: a row sees itself and those before it. */
export interface TextArchitecture extends Common {
  readonly family: 'text';
  /** [vocabulary, width] */
  readonly tokens: Weight;
  /** [context, width] */
  readonly positions: Weight;
  readonly transformer: Transformer;
  readonly finalNorm: Norm;
  readonly projection: Linear;
  readonly endToken: EndToken;
}

export interface VisionTransformerArchitecture extends Common {
  readonly family: 'vit';
  readonly resolution: number;
  /** [width, 3, patch, patch], stride = patch, no padding. */
  readonly patch: Convolution;
  /** [width], whatever leading ones it is stored with. */
  readonly classToken: Weight;
  /** [grid² + 1, width], the class token's first. */
  readonly positions: Weight;
  readonly preNorm: Norm;
  readonly transformer: Transformer;
  readonly postNorm: Norm;
  readonly projection: Linear;
}

export interface Convolution {
  /** [outputs, inputs, height, width] */
  readonly weight: Weight;
  readonly bias?: Weight;
  /** Equal in both directions, and on all sides. */
  readonly stride: number;
  readonly padding: number;
  /** What follows at once; absent where the exporter has folded it. Each [outputs]. */
  readonly batchNorm?: {
    readonly scale: Weight;
    readonly shift: Weight;
    readonly mean: Weight;
    readonly variance: Weight;
    readonly epsilon: number;
  };
}

/** 1×1, 3×3, average pooling over `stride`, 1×1; ReLU after the first two and after the sum with the shortcut. */
export interface Bottleneck {
  readonly convolutions: readonly [Convolution, Convolution, Convolution];
  readonly stride: number;
  /** Average pooling over `stride` and a 1×1 convolution; absent where the input itself is added. */
  readonly shortcut?: Convolution;
}

/** CLIP's ResNet: three convolutions with ReLU, average pooling over 2, four stages, pooling by attention. */
export interface ResNetArchitecture extends Common {
  readonly family: 'resnet';
  readonly resolution: number;
  readonly stem: readonly [Convolution, Convolution, Convolution];
  readonly stages: readonly (readonly Bottleneck[])[];
  /** One query, the mean's; `output` gives the vector. Positions are [grid² + 1, width], the mean's first. */
  readonly pool: {
    readonly positions: Weight;
    readonly heads: number;
    readonly query: Linear;
    readonly key: Linear;
    readonly value: Linear;
    readonly output: Linear;
  };
}

export type TowerArchitecture = TextArchitecture | VisionTransformerArchitecture | ResNetArchitecture;
