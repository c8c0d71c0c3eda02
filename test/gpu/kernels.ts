import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeHalves } from '../../src/float16.ts';
import { loadAddon } from '../../src/native/addon.ts';
import type { DeviceNormaliseJob, TensorRt } from '../../src/native/tensorrt.ts';
import { AWKWARD, job, noise, PILLOW } from '../native/pictures.ts';
import type { CheckResult } from './check.ts';

/** Floats of every value of red, green and blue, as NumPy gives them: planes of 256. */
const NORMALISED = join(import.meta.dirname, '../preprocess/image/goldens/normalised.bin');
/** Threads of a block, and one beside: pictures that fill no block, one, and more. */
const PIXELS = [1, 255, 256, 257, 224 * 224];

/** Whether a device's kernels give the bytes that Pillow, NumPy and the CPU's versions give. */
export async function checkKernels(tensorrt: TensorRt, device = 0): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const [name, picture, , hash] of PILLOW.filter(([, { mode }]) => mode === 'RGB'))
    results.push(
      await check(`${name} gives Pillow's bytes`, async () => {
        const crop = await tensorrt.resizeCrop({ ...picture, mode: 'RGB', device });
        return expected(hash, createHash('sha256').update(crop).digest('hex').slice(0, 16));
      }),
    );
  for (const [width, height] of [...AWKWARD, [3000, 2000] as const])
    results.push(
      await check(`noise of ${width}x${height} as on the CPU`, () =>
        noiseAgrees(tensorrt, device, width, height),
      ),
    );
  for (const type of ['float32', 'float16'] as const) {
    results.push(await check(`${type} of every value as NumPy's`, () => valuesAgree(tensorrt, device, type)));
    for (const pixels of PIXELS)
      results.push(
        await check(`${type} of 3 × ${pixels} pixels as on the CPU`, () =>
          rowsAgree(tensorrt, device, type, pixels),
        ),
      );
  }
  return results;
}

async function check(name: string, look: () => Promise<string | undefined>): Promise<CheckResult> {
  const detail = await look().catch((error: Error) => error.message);
  return { name, passed: detail === undefined, ...(detail !== undefined && { detail }) };
}

function expected(wanted: string, got: string): string | undefined {
  return wanted === got ? undefined : `${wanted} expected, got ${got}`;
}

function firstDifference(wanted: Uint8Array, got: Uint8Array): string | undefined {
  if (wanted.length !== got.length) return `${wanted.length} bytes expected, got ${got.length}`;
  const at = wanted.findIndex((byte, i) => byte !== got[i]);
  return at < 0 ? undefined : `byte ${at}: ${wanted[at]} expected, got ${got[at]}`;
}

async function noiseAgrees(tensorrt: TensorRt, device: number, width: number, height: number) {
  const picture = job('RGB', width, height, noise(width * height * 3), 96);
  const [wanted, got] = await Promise.all([
    loadAddon().resizeCrop(picture),
    tensorrt.resizeCrop({ ...picture, mode: 'RGB', device }),
  ]);
  return firstDifference(wanted, got);
}

async function valuesAgree(tensorrt: TensorRt, device: number, type: DeviceNormaliseJob['type']) {
  const data = new Uint8Array(768).map((_, i) => Math.floor(i / 3));
  const got = await tensorrt.normalise({ data, rows: 1, type, device });
  return firstDifference(asType(new Uint8Array(readFileSync(NORMALISED)), type), got);
}

async function rowsAgree(
  tensorrt: TensorRt,
  device: number,
  type: DeviceNormaliseJob['type'],
  pixels: number,
) {
  const rows = 3;
  const data = noise(rows * pixels * 3);
  const wanted = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const from = row * pixels * 3;
    loadAddon().normalise(data.subarray(from, from + pixels * 3), wanted, from);
  }
  const got = await tensorrt.normalise({ data, rows, type, device });
  return firstDifference(asType(new Uint8Array(wanted.buffer), type), got);
}

/** Bytes of float32 values as those of the type. */
function asType(floats: Uint8Array, type: DeviceNormaliseJob['type']): Uint8Array {
  if (type === 'float32') return floats;
  const values = new Float32Array(floats.buffer, floats.byteOffset, floats.length / 4);
  const halves = new Uint16Array(values.length);
  writeHalves(values, halves, 0);
  return new Uint8Array(halves.buffer);
}
