/** The one typed door to the addon: everything native that TypeScript may call. */
export interface Addon {
  /**
   * Pillow's `resize(short side → resolution, BICUBIC)` and torchvision's centre crop, byte for byte, on a thread of
   * libuv's pool. Only the pixels that the crop keeps are computed.
   */
  resizeCrop(job: ResizeJob): Promise<Uint8Array>;
  /**
   * CLIP's normalisation: uint8 RGB, interleaved, `resolution² × 3` → float32 planes (R, G, B), each step in float32:
   * x / 255, − mean, ÷ std. Writes `3 × resolution²` floats at `out[offset]`. Synchronous; called in engine workers.
   */
  normalise(pixels: Uint8Array, out: Float32Array, offset: number): void;
}

/** A decoded picture: `width × height × channels` bytes, interleaved, rows without padding. */
export interface ResizeJob {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** How Pillow would hold the picture; decides filter and conversion to RGB (clip-numerics, modes). */
  readonly mode: 'L' | 'LA' | 'RGB' | 'RGBA' | 'CMYK' | 'I' | 'nearest-RGB' | 'nearest-L';
  readonly resolution: number;
}
