/**
 * Stands in for the thread of an engine: opens, answers the first run with ones, and at the second does as its
 * contract's path says.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { OnnxSettings } from '../../src/engine/onnx-open.ts';
import type { FromWorker, ToWorker } from '../../src/engine/onnx-worker.ts';

const port = parentPort!;
const { path, width } = (workerData as OnnxSettings).contract;
let runs = 0;

port.on('message', (message: ToWorker) => {
  if (message === 'close') {
    if (path !== 'hang') port.close();
  } else if (runs++ === 0) {
    const rows = new Float32Array(message.inputs.count * width!).fill(1);
    port.postMessage({ run: message.run, rows } satisfies FromWorker);
  } else if (path === 'throw') throw new Error('the thread fell over');
  else if (path === 'exit') process.exit(3);
});
port.postMessage({ opened: { device: 'cpu', width: width!, normalised: false } } satisfies FromWorker);
