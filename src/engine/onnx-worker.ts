/**
 * Thread of one replica. ONNX Runtime's `run` blocks the thread that calls it, so both towers live here.
 *
 * The thread ends by itself, asked by 'close': ending it from outside while ONNX Runtime computes aborts the process.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { env } from 'onnxruntime-node';
import type { Tower } from '../model/tower.ts';
import { loadAddon } from '../native/addon.ts';
import type { Packed } from './onnx-feeds.ts';
import { type OnnxFacts, type OnnxSettings, openModel } from './onnx-model.ts';

export type ToWorker = { readonly run: number; readonly tower: Tower; readonly inputs: Packed } | 'close';

export type FromWorker =
  | { readonly opened: OnnxFacts }
  | { readonly run: number; readonly rows: Float32Array }
  | { readonly run: number; readonly failure: string };

// What goes wrong is thrown as well; without this, a missing CUDA library is three lines in red on stderr.
env.logLevel = 'fatal';

const port = parentPort!;
const addon = await loadAddon();
const model = await openModel(workerData as OnnxSettings, addon.normalise);

async function answer(message: Exclude<ToWorker, 'close'>): Promise<void> {
  const { run, tower, inputs } = message;
  try {
    const rows = await model.towers[tower].run(inputs);
    port.postMessage({ run, rows } satisfies FromWorker, [rows.buffer as ArrayBuffer]);
  } catch (error) {
    port.postMessage({ run, failure: (error as Error).message } satisfies FromWorker);
  }
}

async function close(): Promise<void> {
  await model.towers.text.release();
  await model.towers.image.release();
  port.close();
}

let last: Promise<void> = Promise.resolve();
port.on('message', (message: ToWorker) => {
  last = last.then(() => (message === 'close' ? close() : answer(message)));
});
port.postMessage({ opened: model.facts } satisfies FromWorker);
