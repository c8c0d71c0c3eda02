import { loadAddon } from '../../src/native/addon.ts';
import {
  type DeviceResizeJob,
  openTensorRt,
  type TensorRt,
  type TensorRtError,
} from '../../src/native/tensorrt.ts';
import { checkKernels } from '../gpu/kernels.ts';
import { fakePlan } from './fake-plan.ts';
import { job, noise } from './pictures.ts';

// Runs one of these where it finds the fakes, and writes what came as JSON.
const [name, major] = process.argv.slice(2);
const tasks: Record<string, (tensorrt: TensorRt) => Promise<unknown>> = {
  check: checkKernels,
  wrong,
  one,
  feeds,
};
const tensorrt = openTensorRt({ major: Number(major) as 10 | 11 });
process.stdout.write(JSON.stringify(await tasks[name!]!(tensorrt)));

async function wrong({ resizeCrop, normalise }: TensorRt): Promise<string[]> {
  const right = { ...job('RGB', 4, 3, noise(36), 8), mode: 'RGB', device: 0 } as const;
  const values = { data: noise(36), rows: 2, type: 'float32', device: 0 } as const;
  return Promise.all([
    ...[
      { mode: 'L' },
      { device: 1 },
      { resolution: 2049 },
      { width: 0 },
      { data: new Uint8Array(35) },
      { width: 149_797, height: 1, resolution: 224, data: noise(149_797 * 3) },
    ].map((fault) => words(async () => resizeCrop({ ...right, ...fault } as DeviceResizeJob))),
    ...[{ rows: 0 }, { rows: 5 }, { type: 'int8' }, { data: new Uint8Array() }].map((fault) =>
      words(async () => normalise({ ...values, ...fault } as typeof values)),
    ),
  ]);
}

function one({ resizeCrop }: TensorRt): Promise<string> {
  return words(async () => {
    const crop = await resizeCrop({ ...job('RGB', 5, 3, noise(45), 8), mode: 'RGB', device: 0 });
    return `${crop.length} bytes`;
  });
}

async function words(call: () => Promise<unknown>): Promise<string> {
  try {
    return String(await call());
  } catch (error) {
    const { name, code, message } = error as TensorRtError;
    return `${code ?? name}: ${message}`;
  }
}

/** The same three pictures as bytes and as planes, which the fake engine sums up. */
async function feeds({ version, open }: TensorRt): Promise<object> {
  const shape = (rows: number) => [rows, 3, 8, 8];
  const plan = fakePlan({
    version,
    tensors: [
      { name: 'pixels', input: true, type: 'float32', shape: shape(-1) },
      { name: 'vectors', input: false, type: 'float32', shape: [-1, 4] },
    ],
    profiles: [{ pixels: { min: shape(1), opt: shape(4), max: shape(4) } }],
  });
  const rgb = noise(3 * 3 * 64);
  const planes = new Float32Array(rgb.length);
  for (let from = 0; from < rgb.length; from += 192)
    loadAddon().normalise(rgb.subarray(from, from + 192), planes, from);
  const engine = await open(plan, 0);
  const context = await engine.context({ graphs: true, hangMs: 10_000 });
  const run = async (feed: { shape: number[]; data: [Uint8Array | Float32Array] }) =>
    Array.from(await context.run([{ name: 'pixels', ...feed }]));
  const got = {
    bytes: await run({ shape: [3, 8, 8, 3], data: [rgb] }),
    planes: await run({ shape: shape(3), data: [planes] }),
  };
  const refused = await words(() => run({ shape: [4, 6, 8, 3], data: [rgb] }));
  await engine.close();
  return { ...got, refused };
}
