import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { buildFakes, headersOf } from '../fakes/build.ts';
import { fakeEnvironment, type Knobs } from '../fakes/environment.ts';
import type { CheckResult } from '../gpu/check.ts';
import { emptyFolder } from '../model/folder.ts';

const CHILD = join(import.meta.dirname, 'kernels-child.ts');
const MAJOR = 10;
const skip = !(await headersOf(MAJOR)) && 'no headers of TensorRT 10: npm run headers fetches them';

/** What a task of the child gives in a process that finds the fakes. */
async function inFakes<T>(task: string, knobs: Knobs = {}): Promise<T> {
  const env = { ...process.env, ...fakeEnvironment(await buildFakes(MAJOR), knobs) };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), CHILD, task, String(MAJOR)],
    { env },
  );
  return JSON.parse(stdout) as T;
}

test("the kernels' own source gives Pillow's and NumPy's bytes on a fake device", { skip }, async () => {
  const results = await inFakes<CheckResult[]>('check');
  assert.deepEqual(
    results.filter(({ passed }) => !passed),
    [],
  );
  assert.ok(results.length > 20, `only ${results.length} checks ran`);
});

test('a fake device gets the machine code that is closest to it, or PTX where it is newer than all', {
  skip,
}, async (t) => {
  const folder = await emptyFolder(t);
  const loaded = async (capability: number) => {
    const log = join(folder, `${capability}`);
    assert.equal(await inFakes('one', { capability, log, driver: 12_050 }), '192 bytes');
    return /load (\w+)/.exec(await readFile(log, 'utf8'))?.[1];
  };
  const wanted = {
    75: 'sm_75',
    80: 'sm_80',
    86: 'sm_86',
    87: 'compute_75',
    89: 'sm_89',
    90: 'sm_90',
    120: 'compute_75',
  };
  const got = await Promise.all(
    Object.keys(wanted).map(async (capability) => [capability, await loaded(Number(capability))]),
  );
  assert.deepEqual(Object.fromEntries(got), wanted);
});

test('a fake device or driver that is too old, or too little memory, is named as such', {
  skip,
}, async () => {
  assert.equal(
    await inFakes('one', { capability: 70 }),
    'unsupported: the kernels need compute capability 7.5 or newer, and Fake GPU has 7.0',
  );
  assert.equal(
    await inFakes('one', { capability: 120, driver: 12_040 }),
    'unsupported: for Fake GPU the driver has to compile the kernels, which takes one of CUDA 12.5, and this one is of CUDA 12.4',
  );
  assert.match(await inFakes('one', { gpuMib: 0 }), /^memory: cuMemAlloc_v2: CUDA error 2/);
});

test('jobs that cannot be are refused with what was expected and what came (fake device)', {
  skip,
}, async () => {
  assert.deepEqual(await inFakes('wrong'), [
    'RangeError: mode: RGB expected on a device, got L',
    'RangeError: device: 0 to 0 expected, got 1',
    'RangeError: resolution: 1 to 2048 expected, got 2049',
    'RangeError: width: 1 to 16777215 expected, got 0',
    'failed: 36 bytes of pixels expected, got 35',
    'failed: a picture of 149797x1 is too narrow: resized it would be 33554528 pixels long, over 33554432',
    'RangeError: rows: 1 to 65535 expected, got 0',
    'RangeError: data: 5 pictures of 1 to 4194304 pixels expected, got 36 bytes',
    'RangeError: type: float32 or float16 expected, got int8',
    'RangeError: data: 2 pictures of 1 to 4194304 pixels expected, got 0 bytes',
  ]);
});

test('pictures fed as bytes to an input of planes reach a fake engine as the CPU normalises them', {
  skip,
}, async () => {
  const { bytes, planes, refused } = await inFakes<Record<string, unknown>>('feeds');
  assert.deepEqual(bytes, planes);
  assert.equal(new Set(bytes as number[]).size, 12, 'the sums of rows and columns differ');
  assert.match(refused as string, /^shape: /);
});
