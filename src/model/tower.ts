import type { EndToken } from './architecture/architecture.ts';
import type { ModelTraits } from './traits.ts';

/** CLIP's two towers. */
export type Tower = 'text' | 'image';

/** One text as the text tower takes it. */
export interface TextInput {
  /** int32 token ids, exactly `contextLength` long, padded. */
  readonly ids: Int32Array;
  /** Tokens that count, start and end token included; the attention mask is 1 below it. */
  readonly length: number;
  /** True where the text had more tokens. */
  readonly cut?: boolean;
}

/** One image as the image tower takes it: uint8 RGB, interleaved, resolution × resolution × 3, not normalised. */
export type ImageInput = Uint8Array;

export type TowerInput = TextInput | ImageInput;

export type ElementType = 'float32' | 'float16' | 'int32' | 'int64' | 'uint8';

/** What one ONNX file expects and gives, read from the file itself. */
export interface TowerContract {
  readonly tower: Tower;
  /** Absolute path of the ONNX file. */
  readonly path: string;
  /** Name and element type of the ids or pixels. */
  readonly input: { readonly name: string; readonly type: ElementType };
  /** Present where the graph asks for an attention mask. */
  readonly mask?: { readonly name: string; readonly type: ElementType };
  /** Present where the graph is told which column becomes the vector, int32 [rows]. */
  readonly end?: { readonly name: string; readonly type: ElementType };
  readonly output: { readonly name: string; readonly type: ElementType };
  /** Image tower: side of the square input in pixels. */
  readonly resolution?: number;
  /** Image tower: rows that a picture takes of its transformer, or of a ResNet's pool; known of a graph that was recognised. */
  readonly tokens?: number;
  /** Image tower: `nchw` takes normalised floats, `nhwc` takes raw uint8. */
  readonly layout?: 'nchw' | 'nhwc';
  /** Text tower: columns of the ids. */
  readonly contextLength?: number;
  /** Rows per run where axis 0 is fixed; undefined where it is dynamic. */
  readonly fixedBatch?: number;
  /** Present where the graph takes fewer columns: what stands behind the end token is then left away. */
  readonly cut?: {
    /** Columns that a batch may be cut to, ascending; the last is `contextLength`. */
    readonly lengths: readonly number[];
    readonly endToken: EndToken;
  };
  /** Present where the graph takes packed texts: inputs named and shaped like the fields of `PackedTexts`, int32. */
  readonly packed?: { readonly endToken: EndToken };
  /** Width of the vector where the graph states it; the engine's warm-up settles it otherwise. */
  readonly width?: number;
  /** Bytes of weights, external data included. */
  readonly bytes: number;
  readonly externalData: boolean;
}

/** A model ready to be loaded: both towers, established. */
export interface ModelContract {
  /** Canonical name, for example `ViT-B-32::openai`; a directory's own name for a custom model. */
  readonly name: string;
  readonly text: TowerContract;
  readonly image: TowerContract;
  /** Directory's `tokenizer.json`, where it brings one. */
  readonly tokenizerFile?: string;
  /** What its `model.json` says. */
  readonly traits?: ModelTraits;
}
