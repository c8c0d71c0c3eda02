import type { InputMeans } from '../../../src/engine/tensorrt/parity-inputs.ts';
import { loadAddon } from '../../../src/native/addon.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { ImagePreprocessor } from '../../../src/preprocess/image/preprocessor.ts';
import { createClipTokenizer } from '../../../src/preprocess/text/clip-tokenizer.ts';

const LIMITS = { imageBytes: 1e7, imagePixels: 1e7, pixelsInFlight: 1e7 };

/** The server's own, for a model with CLIP's vocabulary. */
export async function testMeans(side: number): Promise<InputMeans> {
  const tokenizer = await createClipTokenizer(77);
  const images = new ImagePreprocessor({
    resolution: side,
    workers: 2,
    limits: LIMITS,
    addon: loadAddon(),
    metrics: new Metrics('test'),
  });
  return {
    encode: (text) => tokenizer.encode(text),
    crop: (file) => images.fromBytes(file, new AbortController().signal),
    side,
  };
}
