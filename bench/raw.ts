// Child process: images per second of ONNX Runtime alone, one thread, over pixels that are ready.
import * as ort from 'onnxruntime-node';

const [model, batch, seconds] = process.argv.slice(2);
const rows = Number(batch);
const session = await ort.InferenceSession.create(`${model}/visual.onnx`, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
});
const pixels = Float32Array.from({ length: rows * 3 * 224 * 224 }, (_, index) => Math.sin(index));
const feeds = { [session.inputNames[0]!]: new ort.Tensor('float32', pixels, [rows, 3, 224, 224]) };
await session.run(feeds);
const start = performance.now();
let images = 0;
while (performance.now() - start < Number(seconds) * 1000) {
  await session.run(feeds);
  images += rows;
}
process.send?.(images / ((performance.now() - start) / 1000));
process.disconnect();
