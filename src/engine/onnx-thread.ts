import { Worker } from 'node:worker_threads';
import { untilAborted } from '../abort.ts';
import { ClipError } from '../errors.ts';
import type { Packed } from './onnx-feeds.ts';
import type { OnnxFacts, OnnxSettings } from './onnx-open.ts';
import type { FromWorker, ToWorker } from './onnx-worker.ts';

export interface ThreadOptions {
  /** What the thread runs; it speaks `ToWorker` and `FromWorker`. */
  readonly file?: URL;
  /** How long `close` waits for the thread to end. */
  readonly closeMs?: number;
}

const CLOSE_MS = 5_000;

// ONNX Runtime reports to its maker from 1.29 on, and keeps an identifier of the machine in the user's cache, unless this
// is set before its library is loaded.
process.env.ORT_DISABLE_TELEMETRY = '1';

interface Call<T> {
  resolve(value: T): void;
  reject(error: ClipError): void;
}

/** The main thread's end of one worker: calls go out, answers and the worker's death come back. */
export class OnnxThread {
  /** Resolves when the thread is gone. */
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #closeMs: number;
  readonly #opening: Promise<OnnxFacts>;
  #openingCall!: Call<OnnxFacts>;
  readonly #calls = new Map<number, Call<Float32Array>>();
  #state: 'opening' | 'open' | 'closing' | 'ended' = 'opening';
  #nextCall = 0;
  #failure: ClipError | undefined;
  #closing: Promise<void> | undefined;

  constructor(settings: OnnxSettings, { file = workerFile(), closeMs = CLOSE_MS }: ThreadOptions = {}) {
    const name = `onnx ${settings.contract.tower}`;
    this.#worker = new Worker(file, { workerData: settings, execArgv: workerFlags(), name });
    this.#closeMs = closeMs;
    this.#opening = new Promise((resolve, reject) => {
      this.#openingCall = { resolve, reject };
    });
    this.#worker.on('message', (message: FromWorker) => this.#receive(message));
    this.#worker.on('error', (error) => this.#fail(error.message, error));
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#fail(`the thread of ONNX Runtime ended with code ${code}`);
        this.#state = 'ended';
        this.#calls.clear();
        resolve();
      });
    });
  }

  /** True while the thread is, or may be, inside ONNX Runtime. */
  get computing(): boolean {
    return this.#state === 'opening' || this.#state === 'closing' || this.#calls.size > 0;
  }

  /** Resolves when the tower is loaded and has been run once. */
  opened(signal: AbortSignal): Promise<OnnxFacts> {
    return untilAborted(this.#opening, signal);
  }

  /** Runs follow one another; `signal` ends the wait, and the thread computes on. */
  run(inputs: Packed, signal: AbortSignal): Promise<Float32Array> {
    if (this.#failure) return Promise.reject(this.#failure);
    const run = this.#nextCall++;
    const answer = new Promise<Float32Array>((resolve, reject) => {
      this.#calls.set(run, { resolve, reject });
    });
    const message: ToWorker = { run, inputs };
    this.#worker.postMessage(message, [inputs.data.buffer as ArrayBuffer]);
    return untilAborted(answer, signal);
  }

  /** Asks the thread to end after its runs; one that does not within `closeMs` is left to itself. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#state = 'closing';
    this.#failure ??= new ClipError('engine_failed', 'the engine is closed');
    this.#worker.postMessage('close' satisfies ToWorker);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#closeMs);
    });
    await Promise.race([this.ended, patience]);
    clearTimeout(timer);
    this.#worker.unref();
  }

  #receive(message: FromWorker): void {
    if ('opened' in message) {
      if (this.#state === 'opening') this.#state = 'open';
      this.#openingCall.resolve(message.opened);
      return;
    }
    const call = this.#calls.get(message.run);
    this.#calls.delete(message.run);
    if ('rows' in message) call?.resolve(message.rows);
    else call?.reject(new ClipError('engine_failed', `ONNX Runtime: ${message.failure}`));
  }

  #fail(reason: string, cause?: unknown): void {
    this.#failure ??= new ClipError('engine_failed', reason, { cause });
    this.#openingCall.reject(this.#failure);
    for (const call of this.#calls.values()) call.reject(this.#failure);
  }
}

const FROM_SOURCE = import.meta.url.endsWith('.ts');

function workerFile(): URL {
  return new URL(FROM_SOURCE ? './onnx-worker.ts' : './onnx-worker.js', import.meta.url);
}

/** tsx does not reach into workers on Node 20: where the sources are run, the worker registers it itself. */
function workerFlags(): string[] {
  if (!FROM_SOURCE) return [];
  const register = `import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))}; register();`;
  return ['--import', `data:text/javascript,${encodeURIComponent(register)}`];
}
