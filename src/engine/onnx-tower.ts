import { InferenceSession } from 'onnxruntime-node';
import { readHalves } from '../float16.ts';
import type { TowerContract } from '../model/tower.ts';
import { type Feed, feedOf, type Packed } from './onnx-feeds.ts';
import { joinRows } from './rows.ts';

/** One ONNX file in a session. Lives on the worker's thread, which `run` blocks; one call at a time. */
export class OnnxTower {
  readonly #session: InferenceSession;
  readonly #contract: TowerContract;
  readonly #feed: Feed;

  private constructor(session: InferenceSession, contract: TowerContract, feed: Feed) {
    this.#session = session;
    this.#contract = contract;
    this.#feed = feed;
  }

  static async open(contract: TowerContract, options: InferenceSession.SessionOptions): Promise<OnnxTower> {
    const feed = feedOf(contract);
    return new OnnxTower(await InferenceSession.create(contract.path, options), contract, feed);
  }

  /** count × width float32, in the order of the inputs. A graph with a fixed batch runs as often as it takes. */
  async run(inputs: Packed): Promise<Float32Array> {
    const step = this.#contract.fixedBatch ?? inputs.count;
    const parts: Float32Array[] = [];
    for (let start = 0; start < inputs.count; start += step) {
      // A last run that is not full repeats its last row, and drops what comes of that.
      const rows = Array.from({ length: step }, (_, i) => Math.min(start + i, inputs.count - 1));
      const vectors = await this.#runOnce(inputs, rows);
      const wanted = Math.min(step, inputs.count - start);
      parts.push(vectors.subarray(0, (vectors.length / step) * wanted));
    }
    return joinRows(parts);
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  async #runOnce(inputs: Packed, rows: readonly number[]): Promise<Float32Array> {
    const { output, path } = this.#contract;
    const tensor = (await this.#session.run(this.#feed(inputs, rows), [output.name]))[output.name]!;
    if (tensor.dims.length !== 2 || tensor.dims[0] !== rows.length)
      throw new Error(`${path}: expected ${rows.length} rows in "${output.name}", got [${tensor.dims}]`);
    // A copy in both cases: the tensor's memory is ONNX Runtime's, and the result is transferred to another thread.
    if (tensor.type === 'float32') return (tensor.data as Float32Array).slice();
    if (tensor.type === 'float16') return readHalves(halfBits(tensor.data as Uint16Array));
    throw new Error(`${path}: expected float32 or float16 in "${output.name}", got ${tensor.type}`);
  }
}

/** ONNX Runtime gives a Float16Array where the platform has one, else a Uint16Array; the bits are the same. */
function halfBits(data: Uint16Array): Uint16Array {
  return new Uint16Array(data.buffer, data.byteOffset, data.length);
}
