/**
 * How a tower's graph is built anew from its architecture. Each differs from the original in one respect; they compose. The
 * operators are ONNX's own: ONNX Runtime fuses them itself, and its own attention and skip norm are no faster on a CPU.
 */
export interface RewriteOptions {
  /**
   * Text: any number of columns up to the context, or always the context. `packed`: only tokens that count, each beginning
   * that texts of a batch share once, see `packTexts`; operators whose shapes depend on data are not needed for it.
   */
  readonly columns: 'packed' | 'dynamic' | 'context';
  /** Text: the end token's row is found in the graph, or given as a second input `end`, int32 [rows]. Packed texts give it. */
  readonly end: 'found' | 'given';
  /** Image: normalised float32 `[rows, 3, R, R]`, or uint8 `[rows, R, R, 3]` with the normalisation inside. */
  readonly pixels: 'float32' | 'uint8';
  /**
   * `fp16` and `bf16`: matrix products, convolutions and the residual stream in 16 bits; statistics of the norms, softmax and
   * the last projection in float32. `fp32-residual`: fp16 with the residual stream in float32.
   */
  readonly precision: 'fp32' | 'fp16' | 'fp32-residual' | 'bf16';
}
