import { untilAborted } from '../../abort.ts';
import type { Limits } from '../../config/limits.ts';
import { ClipError } from '../../errors.ts';
import type { Addon } from '../../native/addon.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { cropJpeg, decode, prepareSharp } from './decode.ts';
import { DecodeGate } from './gate.ts';
import { type Header, readHeader } from './header.ts';
import { type Tensor, tensorPicture } from './tensor.ts';

export interface ImagePreprocessorOptions {
  /** Side of the crop in pixels. */
  readonly resolution: number;
  /** Pictures decoded at once. */
  readonly workers: number;
  readonly limits: Pick<Limits, 'imageBytes' | 'imagePixels' | 'pixelsInFlight'>;
  readonly addon: Addon;
  readonly metrics: Metrics;
}

/** The addon walks this far along a resized side at most; Pillow would need 30 GB for such a picture. */
const RESIZED_SIDE = 2 ** 25;

/** Pictures → resolution × resolution × 3 bytes of RGB, as the reference's Resize, CenterCrop and convert give them. */
export class ImagePreprocessor {
  readonly #options: ImagePreprocessorOptions;
  readonly #gate: DecodeGate;

  constructor(options: ImagePreprocessorOptions) {
    prepareSharp();
    this.#options = options;
    this.#gate = new DecodeGate(options.workers, options.limits.pixelsInFlight);
  }

  /**
   * Decodes a file. The bytes must not change until the promise is settled.
   * @throws ClipError unsupported_image, invalid_image, image_too_large, cancelled, draining
   */
  async fromBytes(bytes: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { imageBytes } = this.#options.limits;
    if (bytes.length > imageBytes)
      this.#refuse('image_bytes', `an image of up to ${imageBytes} bytes expected, got ${bytes.length}`);
    const header = readHeader(bytes);
    this.#checkSize(header.width, header.height);
    return this.#run(header.width * header.height, signal, () => this.#cropFile(bytes, header, signal));
  }

  /**
   * Takes a picture that is decoded already.
   * @throws ClipError invalid_tensor, image_too_large, cancelled, draining
   */
  async fromTensor(tensor: Tensor, signal: AbortSignal): Promise<Uint8Array> {
    const picture = tensorPicture(tensor);
    this.#checkSize(picture.width, picture.height);
    const { addon, resolution } = this.#options;
    return this.#run(picture.width * picture.height, signal, async () =>
      addon.resizeCrop({ ...picture, resolution }),
    );
  }

  /** Refuses what is waiting and what comes; what is being decoded ends by itself. Idempotent. */
  close(): void {
    this.#gate.close();
  }

  #checkSize(width: number, height: number): void {
    const { limits, resolution } = this.#options;
    if (width * height > limits.imagePixels)
      this.#refuse(
        'image_pixels',
        `an image of up to ${limits.imagePixels} pixels expected, got ${width}x${height}`,
      );
    if ((Math.max(width, height) * resolution) / Math.min(width, height) > RESIZED_SIDE)
      this.#refuse(
        'resized_side',
        `an image that is resized to sides of up to ${RESIZED_SIDE} pixels expected, got ${width}x${height}`,
      );
  }

  #refuse(limit: string, message: string): never {
    this.#options.metrics.limited.inc({ limit });
    throw new ClipError('image_too_large', message);
  }

  async #cropFile(bytes: Uint8Array, header: Header, signal: AbortSignal): Promise<Uint8Array> {
    const { addon, resolution } = this.#options;
    const { width, height } = header;
    const crop = await cropJpeg(bytes, header, addon, resolution);
    if (crop) return crop;
    if (signal.aborted) throw ClipError.aborted(signal);
    const pixels = await decode(bytes, header, addon);
    if (signal.aborted) throw ClipError.aborted(signal);
    return addon.resizeCrop({ ...pixels, width, height, resolution });
  }

  async #run(count: number, signal: AbortSignal, crop: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const { metrics } = this.#options;
    if (this.#gate.isOverBudget(count)) metrics.limited.inc({ limit: 'pixels_in_flight' });
    const leave = await this.#gate.enter(count, signal);
    metrics.pixelsInFlight.set(this.#gate.pixelsInFlight);
    const began = performance.now();
    const work = crop().finally(() => {
      leave();
      metrics.pixelsInFlight.set(this.#gate.pixelsInFlight);
      metrics.preprocessed('image', (performance.now() - began) / 1000);
    });
    // A decode cannot be stopped, so its place stays taken until it ends; who waits for it may go at once.
    return untilAborted(work, signal).catch((error) => {
      throw ClipError.from(error);
    });
  }
}
