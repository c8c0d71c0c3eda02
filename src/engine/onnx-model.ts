import type { InferenceSession } from 'onnxruntime-node';
import type { Device } from '../config/config.ts';
import type { ModelContract, TextInput, Tower, TowerContract } from '../model/tower.ts';
import { type Normalise, type Packed, packImages, packTexts } from './onnx-feeds.ts';
import { OnnxTower } from './onnx-tower.ts';

export interface OnnxSettings {
  readonly contract: ModelContract;
  readonly device: Device;
  /** True: a device that does not work is an error. False: the CPU takes its place, and `notice` says so. */
  readonly deviceIsExplicit: boolean;
  /** Threads of one run. */
  readonly threads: number;
  /** A text in the model's own ids, run once at opening: ids that are right for one vocabulary can be beyond another's. */
  readonly probe: TextInput;
}

/** What opening found out. */
export interface OnnxFacts {
  readonly device: string;
  readonly width: number;
  readonly normalised: boolean;
  readonly notice?: string;
}

export type Towers = Readonly<Record<Tower, OnnxTower>>;

export interface OnnxModel {
  readonly towers: Towers;
  readonly facts: OnnxFacts;
}

/** Loads both towers on the device, and runs each once to see that it gives vectors. */
export async function openModel(settings: OnnxSettings, normalise: Normalise): Promise<OnnxModel> {
  const { towers, device, notice } = await openOnDevice(settings, normalise);
  const { contract } = settings;
  const texts = await probe(contract.text, towers.text, packTexts([settings.probe]));
  const images = await probe(
    contract.image,
    towers.image,
    packImages([testCard(contract.image.resolution!)]),
  );
  if (texts.length !== images.length)
    throw new Error(
      `${contract.name}: expected vectors of one width from both towers, got ${texts.length} from ${contract.text.path} ` +
        `and ${images.length} from ${contract.image.path}`,
    );
  const normalised = isUnit(texts) && isUnit(images);
  return { towers, facts: { device, notice, width: texts.length, normalised } };
}

interface Opened {
  readonly towers: Towers;
  readonly device: string;
  readonly notice?: string;
}

async function openOnDevice(settings: OnnxSettings, normalise: Normalise): Promise<Opened> {
  const { device, deviceIsExplicit } = settings;
  const cpu = async () => ({ towers: await openTowers(settings, ['cpu'], normalise), device: 'cpu' });
  if (device.kind === 'cpu') return cpu();
  const wanted = `cuda:${device.index}`;
  try {
    const providers = [{ name: 'cuda', deviceId: device.index }, 'cpu'];
    return { towers: await openTowers(settings, providers, normalise), device: wanted };
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

async function openTowers(
  { contract, threads }: OnnxSettings,
  executionProviders: InferenceSession.SessionOptions['executionProviders'],
  normalise: Normalise,
): Promise<Towers> {
  const options: InferenceSession.SessionOptions = {
    executionProviders,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Threads that spin between two operators win the run 7 %, at half as much CPU again, which decoding then lacks.
    extra: { session: { 'intra_op.allow_spinning': '0' } },
  };
  const text = await OnnxTower.open(contract.text, options, normalise);
  try {
    return { text, image: await OnnxTower.open(contract.image, options, normalise) };
  } catch (error) {
    await text.release();
    throw error;
  }
}

async function probe({ path, width }: TowerContract, tower: OnnxTower, one: Packed): Promise<Float32Array> {
  const vector = await tower.run(one);
  if (width !== undefined && vector.length !== width)
    throw new Error(`${path}: expected vectors of ${width} components, got ${vector.length}`);
  if (!vector.every(Number.isFinite))
    throw new Error(`${path}: expected finite components, got ${vector.find((x) => !Number.isFinite(x))}`);
  return vector;
}

function isUnit(vector: Float32Array): boolean {
  const squares = vector.reduce((sum, x) => sum + x * x, 0);
  return Math.abs(Math.sqrt(squares) - 1) <= 1e-3;
}

/** A picture with edges and slopes in each channel: a flat one could hide a fault. */
export function testCard(resolution: number): Uint8Array {
  return Uint8Array.from({ length: 3 * resolution * resolution }, (_, i) => (i * 7 + (i >> 5) * 13) & 255);
}
