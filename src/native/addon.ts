import { BUILD_NATIVE, requireBuilt } from './built.ts';
import { type DecodeResizeCrop, type JpegDecoder, openJpegDecoder } from './jpeg.ts';

/** The one typed door to the addon: everything native that TypeScript may call. */
export interface Addon {
  /**
   * Pillow's `resize(short side → resolution, BICUBIC)` and torchvision's centre crop, byte for byte, on a thread of
   * libuv's pool. Only the pixels that the crop keeps are computed. Resolves to resolution × resolution × 3 bytes, RGB.
   * Throws TypeError or RangeError for a job that cannot be; rejects when the buffer does not hold the picture.
   */
  resizeCrop(job: ResizeJob): Promise<Uint8Array>;
  /** What decodes plain JPEGs. */
  readonly jpeg: JpegDecoder;
  /** Pixels of a BMP on a thread of libuv's pool: width × height × channels (1 for indices), top row first. */
  unpackBmp(job: BmpJob): Promise<Uint8Array>;
  /** Palette indices of a GIF's first frame on its canvas, on a thread of libuv's pool: width × height bytes. */
  unpackGif(job: GifJob): Promise<Uint8Array>;
  /**
   * CLIP's normalisation: uint8 RGB, interleaved, `resolution² × 3` → float32 planes (R, G, B), each step in float32:
   * x / 255, − mean, ÷ std. Writes `3 × resolution²` floats at `out[offset]`. Synchronous; called in engine workers.
   */
  normalise(pixels: Uint8Array, out: Float32Array, offset: number): void;
  /**
   * Loads a shared library as the system's loader finds it, or by its path, for good, and calls its `int versionFunction()`
   * and nothing else; '' calls none. A broken library may end the process: to be called in one that may fall over.
   */
  probeLibrary(name: string, versionFunction: string): LibraryProbe;
  /** Loads libcuda for good, and asks it for its GPUs. It may hang or end the process. */
  probeDriver(): DriverProbe;
  /**
   * Gives free memory back to the system where the C library is glibc, which keeps it otherwise: after a model of 600 MB is
   * loaded, about 300 MB. Milliseconds on a thread of libuv's pool.
   */
  trimMemory(): Promise<void>;
  /**
   * Ends the process at once with this code: no handler runs and no thread is waited for. Node's own `process.exit` waits
   * for a thread that is inside ONNX Runtime, then aborts with a core.
   */
  exitNow(code: number): never;
  /** Versions of the resize that this processor can run, fastest first. All give the same bytes. */
  readonly kernels: readonly string[];
}

/**
 * How Pillow would hold the picture; decides filter and conversion to RGB (clip-numerics, modes). `P` is palette
 * indices; `I` is 16-bit grey, two bytes a pixel in the machine's order.
 */
export type PixelMode = 'L' | 'RGB' | 'RGBA' | 'RGBX' | 'CMYK' | 'I' | 'P' | 'nearest-RGB' | 'nearest-L';

/** A decoded picture: `width × height × channels` bytes, interleaved, rows without padding. Not to be changed until done. */
export interface ResizeJob {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly mode: PixelMode;
  /** 256 RGB triples, for mode `P`. */
  readonly palette?: Uint8Array | undefined;
  readonly resolution: number;
  /** One of `Addon.kernels`; the fastest where absent. */
  readonly kernel?: string;
}

export interface BmpJob {
  /** The whole file. */
  readonly data: Uint8Array;
  /** Of the pixels. */
  readonly offset: number;
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  /** Names list the channels in the order of the file's bytes (`BGR24`) or from the lowest bits (`BGR15`). */
  readonly pixels: BmpPixels;
}

export type BmpPixels =
  | 'index1'
  | 'index4'
  | 'index8'
  | 'rle4'
  | 'rle8'
  | 'BGR15'
  | 'BGR16'
  | 'BGR24'
  | 'BGRX'
  | 'XBGR'
  | 'ABGR'
  | 'RGBA'
  | 'BGRA';

export interface GifJob {
  /** The whole file. */
  readonly data: Uint8Array;
  /** Of the first data block. */
  readonly offset: number;
  /** Minimum code size. */
  readonly codeBits: number;
  /** Of the canvas. */
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  readonly interlaced: boolean;
  /** Palette index of the canvas around the frame. */
  readonly fill: number;
}

/** Without `error` the library is loaded. */
export interface LibraryProbe {
  /** Of the file that the loader mapped. */
  readonly path?: string;
  /** As the library's own number; absent where none was asked for. */
  readonly version?: number;
  /** The loader's own words. */
  readonly error?: string;
}

export interface DriverProbe {
  /** libcuda; its version 12040 is CUDA 12.4, the newest that the driver serves. */
  readonly library: LibraryProbe;
  /** Of the driver's first function that failed, in its own words. */
  readonly error?: string;
  readonly gpus: readonly Gpu[];
}

export interface Gpu {
  readonly name: string;
  /** `8.9`. */
  readonly computeCapability: string;
  readonly memoryBytes: number;
}

/** The built file's exports. */
interface Native extends Omit<Addon, 'jpeg'> {
  /** @throws Error where the library at the path does not load */
  openTurboJpeg(path: string): DecodeResizeCrop;
}

/**
 * Loads the addon, own build before prebuild. It keeps no state, so every thread may load it for itself.
 * @throws Error with what was tried and what to do
 */
export function loadAddon(): Addon {
  const { openTurboJpeg, ...own } = requireBuilt('clip-server.node', 'The addon', BUILD_NATIVE) as Native;
  return { ...own, jpeg: openJpegDecoder(openTurboJpeg) };
}
