import type { InferenceSession } from 'onnxruntime-node';
import type { Device } from '../config/config.ts';
import type { TowerContract, TowerInput } from '../model/tower.ts';
import { pack } from './onnx-feeds.ts';
import { OnnxTower } from './onnx-tower.ts';

export interface OnnxSettings {
  readonly contract: TowerContract;
  readonly device: Device;
  /** True: a device that does not work is an error. False: the CPU takes its place, and `notice` says so. */
  readonly deviceIsExplicit: boolean;
  /** Threads of one run. */
  readonly threads: number;
  /** Run once at opening. A text is in the model's own ids: what is right for one vocabulary can be beyond another's. */
  readonly probe: TowerInput;
}

/** What opening found out. */
export interface OnnxFacts {
  readonly device: string;
  readonly width: number;
  readonly normalised: boolean;
  readonly notice?: string;
}

interface Opened {
  readonly tower: OnnxTower;
  readonly device: string;
  readonly notice?: string;
}

/** Loads the tower on the device, and runs it once to see that it gives vectors. */
export async function openTower(
  settings: OnnxSettings,
): Promise<{ readonly tower: OnnxTower; readonly facts: OnnxFacts }> {
  const { tower, device, notice } = await openOnDevice(settings);
  const vector = await tower.run(pack([settings.probe]));
  const { path, width } = settings.contract;
  if (width !== undefined && vector.length !== width)
    throw new Error(`${path}: expected vectors of ${width} components, got ${vector.length}`);
  if (!vector.every(Number.isFinite))
    throw new Error(`${path}: expected finite components, got ${vector.find((x) => !Number.isFinite(x))}`);
  return { tower, facts: { device, notice, width: vector.length, normalised: isUnit(vector) } };
}

async function openOnDevice({ contract, device, deviceIsExplicit, threads }: OnnxSettings): Promise<Opened> {
  const open = (executionProviders: Providers) =>
    OnnxTower.open(contract, sessionOptions(executionProviders, threads));
  const cpu = async () => ({ tower: await open(['cpu']), device: 'cpu' });
  if (device.kind === 'cpu') return cpu();
  const wanted = `cuda:${device.index}`;
  try {
    return { tower: await open([{ name: 'cuda', deviceId: device.index }, 'cpu']), device: wanted };
  } catch (error) {
    const reason = (error as Error).message;
    if (deviceIsExplicit && device.kind === 'cuda')
      throw new Error(
        `the configuration asks for device ${wanted}, but ONNX Runtime cannot use it: ${reason}. Write "device: cpu", or ` +
          'put the CUDA provider of the same ONNX Runtime version beside its library.',
      );
    return { ...(await cpu()), notice: `ONNX Runtime cannot use ${wanted} (${reason}); running on the CPU` };
  }
}

type Providers = InferenceSession.SessionOptions['executionProviders'];

/** Those that serve; a proof has to go by the same. */
export function sessionOptions(
  executionProviders: Providers,
  threads: number,
): InferenceSession.SessionOptions {
  return {
    executionProviders,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // At `all`, 1.30 ends the process while it loads some float16 files; for float32 the levels are equally fast.
    graphOptimizationLevel: 'layout',
    // Plans are kept for each shape of a batch, of which there are many; without them a run takes 2 % less.
    enableMemPattern: false,
    extra: {
      // Long enough from one operator to the next, which wins 8 % on two threads; ONNX Runtime's own default lets threads
      // without work take half as much CPU again, which decoding then lacks.
      session: { 'intra_op.allow_spinning': '1', 'intra_op.spin_duration_us': '50' },
      // With it ONNX Runtime (1.30 to 1.32 at least) ends the process on some float16 files while it loads them.
      optimization: { disable_specified_optimizers: 'FuseFp16InitializerToFp32NodeTransformer' },
    },
  };
}

function isUnit(vector: Float32Array): boolean {
  const squares = vector.reduce((sum, x) => sum + x * x, 0);
  return Math.abs(Math.sqrt(squares) - 1) <= 1e-3;
}

/** A picture with edges and slopes in each channel: a flat one could hide a fault. */
export function testCard(resolution: number): Uint8Array {
  return Uint8Array.from({ length: 3 * resolution * resolution }, (_, i) => (i * 7 + (i >> 5) * 13) & 255);
}
