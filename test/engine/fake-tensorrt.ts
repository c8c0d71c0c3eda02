import type { PlanRecord, Recipe } from '../../src/engine/tensorrt/plan.ts';
import type { TowerContract } from '../../src/model/tower.ts';
import type {
  Feed,
  TensorRt,
  TensorRtContext,
  TensorRtEngine,
  TensorRtError,
  TensorRtFault,
} from '../../src/native/tensorrt.ts';

/** Components of a vector. */
export const WIDTH = 4;
/** Most rows of a run. */
export const MAX_ROWS = 4;

/** What the library throws. */
export function tensorRtError(code: TensorRtFault, message: string): TensorRtError {
  return Object.assign(new Error(message), { code });
}

/** A row's vector: the sum of its numbers plus the component's place, as the fake libraries give it. */
export function sumVector(numbers: Iterable<number>, offset = 0): number[] {
  let sum = 0;
  for (const number of numbers) sum += number;
  return Array.from({ length: WIDTH }, (_, j) => sum + j + (j % 2 ? -offset : offset));
}

/** A TensorRT that exists in this process alone, and does as it is told. */
export class FakeTensorRt implements Pick<TensorRt, 'open'> {
  /** Device of each plan that was opened. */
  readonly opened: number[] = [];
  /** Contexts that there are, of all plans. */
  contexts = 0;
  /** Most contexts that the memory takes. */
  roomFor = Number.POSITIVE_INFINITY;
  /** Shapes of the first feed of each run. */
  readonly shapes: (readonly number[])[] = [];
  /** Thrown by every run. */
  fault: TensorRtError | undefined;
  /** Added to the components, with changing sign. */
  offset = 0;
  /** Where set, runs wait for it. */
  hold: Promise<void> | undefined;

  async open(_plan: Uint8Array, device: number): Promise<TensorRtEngine> {
    this.opened.push(device);
    let mine = 0;
    return {
      bindings: [],
      deviceBytes: 0,
      context: async () => {
        if (this.contexts === this.roomFor) throw tensorRtError('memory', 'cuMemAlloc: no room');
        this.contexts++;
        mine++;
        return this.#context(() => {
          this.contexts--;
          mine--;
        });
      },
      close: async () => {
        this.contexts -= mine;
        mine = 0;
        this.opened.splice(this.opened.indexOf(device), 1);
      },
    };
  }

  #context(closed: () => void): TensorRtContext {
    let busy = false;
    return {
      run: async (feeds) => {
        if (busy) throw new Error('two runs of one context at once');
        busy = true;
        try {
          await this.hold;
          if (this.fault) throw this.fault;
          return this.#run(feeds[0]!);
        } finally {
          busy = false;
        }
      },
      graphs: { captured: 0, launched: 0, refused: [] },
      close: async () => closed(),
    };
  }

  #run({ shape, data }: Feed): Float32Array {
    this.shapes.push(shape);
    const numbers = data.flatMap((piece) => [...piece].map(Number));
    const size = numbers.length / shape[0]!;
    const rows = Array.from({ length: shape[0]! }, (_, row) =>
      sumVector(numbers.slice(row * size, (row + 1) * size), this.offset),
    );
    return Float32Array.from(rows.flat());
  }
}

/** Of texts of 8 tokens, run with 4 or 8 columns. */
export const TEXT: TowerContract = {
  tower: 'text',
  path: 'text.onnx',
  input: { name: 'input_ids', type: 'int32' },
  end: { name: 'end', type: 'int32' },
  output: { name: 'output', type: 'float32' },
  contextLength: 8,
  cut: { lengths: [4, 8], endToken: { rule: 'largest' } },
  width: WIDTH,
  bytes: 0,
  externalData: false,
};

/** Of pictures of 2 × 2. */
export const IMAGE: TowerContract = {
  tower: 'image',
  path: 'image.onnx',
  input: { name: 'pixel_values', type: 'uint8' },
  output: { name: 'output', type: 'float32' },
  layout: 'nhwc',
  resolution: 2,
  width: WIDTH,
  bytes: 0,
  externalData: false,
};

/** As the store gives it out for a plan of up to `MAX_ROWS` rows. */
export function planRecord(
  contract: TowerContract,
  canary: readonly number[],
  recipe: Recipe = 'fp16',
): PlanRecord {
  const rows = { min: [1], opt: [1], max: [MAX_ROWS] };
  return {
    key: {
      weights: '',
      rewriterVersion: 1,
      tower: contract.tower,
      recipe,
      profiles: [{ [contract.input.name]: rows }],
      optimisationLevel: 3,
      tensorrt: '10.15.1.29',
      driverMajor: 12,
      gpu: 'Fake GPU',
      computeCapability: '8.9',
      multiprocessors: 1,
      memoryBytes: 1,
      platform: 'linux-x64',
    },
    model: 'fake',
    sha256: '',
    bytes: 0,
    buildSeconds: 0,
    parity: { inputs: 64, mean: 1, least: 1 },
    canary,
    created: '',
  };
}
