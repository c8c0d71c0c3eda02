/**
 * Thread of one engine. ONNX Runtime's `run` blocks the thread that calls it, so each tower has one of its own.
 *
 * The thread ends by itself, asked by 'close': ending it from outside while ONNX Runtime computes aborts the process.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { env } from 'onnxruntime-node';
import type { Packed } from './onnx-feeds.ts';
import { type OnnxFacts, type OnnxSettings, openTower } from './onnx-open.ts';

export type ToWorker = { readonly run: number; readonly inputs: Packed } | 'close';

export type FromWorker =
  | { readonly opened: OnnxFacts }
  | { readonly run: number; readonly rows: Float32Array }
  | { readonly run: number; readonly failure: string };

// What goes wrong is thrown as well; without this, a missing CUDA library is three lines in red on stderr.
env.logLevel = 'fatal';

const port = parentPort!;
const { tower, facts } = await openTower(workerData as OnnxSettings);

async function answer({ run, inputs }: Exclude<ToWorker, 'close'>): Promise<void> {
  try {
    const rows = await tower.run(inputs);
    port.postMessage({ run, rows } satisfies FromWorker, [rows.buffer as ArrayBuffer]);
  } catch (error) {
    port.postMessage({ run, failure: (error as Error).message } satisfies FromWorker);
  }
}

async function close(): Promise<void> {
  await tower.release();
  port.close();
}

let last: Promise<void> = Promise.resolve();
port.on('message', (message: ToWorker) => {
  last = last.then(() => (message === 'close' ? close() : answer(message)));
});
port.postMessage({ opened: facts } satisfies FromWorker);
