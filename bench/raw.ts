// Child process of raw-runtime.ts: items per second of ONNX Runtime alone, over inputs that are ready.
import * as ort from 'onnxruntime-node';
import type { RawSettings } from './raw-runtime.ts';

const START = 49406;
const END = 49407;

const settings = JSON.parse(process.argv[2]!) as RawSettings;
const {
  file,
  rows,
  columns,
  threads = 1,
  graph = 'all',
  spinning = true,
  arena = true,
  pattern = true,
} = settings;
const session = await ort.InferenceSession.create(file, {
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  graphOptimizationLevel: graph,
  enableCpuMemArena: arena,
  enableMemPattern: pattern,
  extra: { session: { 'intra_op.allow_spinning': spinning ? '1' : '0' } },
});
const feeds = { [session.inputNames[0]!]: columns === undefined ? pixels() : ids(columns) };
await session.run(feeds);
process.on('message', async (seconds: number) => {
  const start = performance.now();
  let items = 0;
  while (performance.now() - start < seconds * 1000) {
    await session.run(feeds);
    items += rows;
  }
  process.send!(items / ((performance.now() - start) / 1000));
});
process.send!('ready');

function pixels(): ort.Tensor {
  const side = 224;
  const data = Float32Array.from({ length: rows * 3 * side * side }, (_, index) => Math.sin(index));
  return new ort.Tensor('float32', data, [rows, 3, side, side]);
}

/** As the Python server feeds them: padded to the context, whatever the texts' lengths. */
function ids(context: number): ort.Tensor {
  const data = new Int32Array(rows * context);
  for (let row = 0; row < rows; row++) {
    const text = data.subarray(row * context, (row + 1) * context);
    text.set([START, 320, 1125, 539, 320, 2368, END]);
  }
  return new ort.Tensor('int32', data, [rows, context]);
}
