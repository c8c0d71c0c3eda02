import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildFakes } from '../fakes/build.ts';
import type { Knobs } from '../fakes/environment.ts';
import { built, failureOf, job, reportOf, runChild, skipWithout } from './build-run.ts';

const skip = (await skipWithout(10)) || (await skipWithout(11));

/** Why a library of major 10 is not opened. */
async function refused(knobs: Knobs, libraries: { infer?: string } = {}) {
  const { error } = reportOf(await runChild(10, { libraries: { major: 10, ...libraries } }, knobs));
  assert.ok(error, 'the library was opened');
  return error;
}

test('without its parser a fake library is opened, and builds say what is missing', { skip }, async () => {
  const task = { libraries: { major: 10, parser: 'libnone.so.10' }, jobs: [await job()] } as const;
  const { opened, builds } = reportOf(await runChild(10, task));
  assert.ok(opened, 'it is opened');
  const { code, message } = failureOf(builds[0]!);
  assert.equal(code, 'unsupported');
  assert.match(
    message,
    /^without TensorRT's ONNX parser plans can be run, not built: .*libnone\.so\.10: cannot open shared object file/,
  );
});

test('fake libraries whose interfaces are others than those of the headers are refused by their version', {
  skip,
}, async () => {
  const found = async (version: number) => (await refused({ version })).message;
  assert.equal(await found(100200), 'libnvinfer.so.10 is TensorRT 10.2.0.72: 10.3 or newer is needed');
  assert.match(
    await found(100800),
    /is TensorRT 10\.8\.0\.72, whose network interface differs from all of 10\.x/,
  );
  assert.match(await found(8603), /is TensorRT 8\.6\.3, and this module is for TensorRT 10$/);
  const infer = join(await buildFakes(11), 'libnvinfer.so.11');
  const foreign = await refused({}, { infer });
  assert.equal(foreign.code, 'unsupported');
  assert.match(
    foreign.message,
    /libnvinfer\.so\.11 is TensorRT 11\.\d+\.\d+, and this module is for TensorRT 10$/,
  );
  const other = await refused({}, { infer: 'libcuda.so.1' });
  assert.equal(other.message, "libcuda.so.1 is not TensorRT's: it has no getInferLibVersion");
});

test('a fake library of the oldest version that is called builds with the newest headers', {
  skip,
}, async () => {
  const { plan, error } = await built({}, { version: 100300 });
  assert.ok(plan, error?.message);
});

test('without a driver, device or library nothing of the fake TensorRT is called', { skip }, async () => {
  const none = await refused({ gpus: 0 });
  assert.equal(none.code, 'unsupported');
  assert.match(none.message, /CUDA_ERROR_NO_DEVICE/);
  const broken = await refused({ cuinit: 999 });
  assert.match(broken.message, /^cuInit: CUDA error 999, CUDA_ERROR_UNKNOWN: unknown error$/);
  const old = await refused({ cuinit: 36, driver: 12_020 });
  assert.equal(old.message, 'cuInit: CUDA error 36; the driver is of CUDA 12.2, and a newer one is needed');
  const library = await refused({}, { infer: 'libnone.so.10' });
  assert.match(library.message, /^TensorRT does not load: libnone\.so\.10: cannot open shared object file/);
  assert.equal(library.code, 'unsupported');
});
