import assert from 'node:assert/strict';
import { cp, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { testModel } from '../models/test-model.ts';
import { built, failureOf, inFolder, job, runChild, skipWithout } from './build-run.ts';

const skip = (await skipWithout(10)) || (await skipWithout(11));

test("a node that the fake parser does not take is named, with the parser's words, once", {
  skip,
}, async () => {
  const { code, message } = failureOf(await built({}, { parseFail: 1 }));
  assert.equal(code, 'failed');
  assert.match(
    message,
    /^TensorRT's parser does not take .+textual\.onnx: node \d+ ".+" \((\w+)\): unsupported node: No importer registered for op: \1$/,
  );
});

test(
  'a file that is not there, one that is no ONNX and missing external data are told apart by the fake',
  {
    skip,
  },
  () =>
    inFolder(async (folder) => {
      const missing = failureOf(await built({ path: join(folder, 'none.onnx') }));
      assert.match(missing.message, /none\.onnx: not readable as ONNX: Could not open file .+none\.onnx/);

      const path = join(folder, 'broken.onnx');
      await writeFile(path, Buffer.from([0x3a, 0xff, 0xff, 0x03, 1, 2, 3]));
      const broken = failureOf(await built({ path }));
      assert.equal(broken.code, 'failed');
      assert.match(broken.message, /does not take .+broken\.onnx: not readable as ONNX: /);

      const model = join(await testModel('tiny', { external: true }), 'textual.onnx');
      await cp(model, join(folder, 'textual.onnx'));
      const external = failureOf(await built({ path: join(folder, 'textual.onnx') }));
      assert.match(external.message, /Failed to open file: .+textual\.onnx\.data/);
      await symlink(`${model}.data`, join(folder, 'textual.onnx.data'));
      assert.ok((await built({ path: join(folder, 'textual.onnx') })).plan, 'it is found from its folder');
    }),
);

test('profiles that do not fit the inputs fail before the fake library works on them', {
  skip,
}, async () => {
  const range = { min: [1, 77], opt: [8, 77], max: [16, 77] };
  const none = failureOf(await built({ profiles: [] }));
  assert.match(none.message, /input input_ids \[-1, 77\] is dynamic, and a profile gives no shapes for it$/);
  const other = failureOf(await built({ profiles: [{ input_ids: range, mask: range }] }));
  assert.match(other.message, /a profile gives shapes for mask, which is no input of it$/);
  const wrong = failureOf(await built({ profiles: [{ input_ids: { ...range, min: [1, 16] } }] }));
  assert.equal(wrong.code, 'failed');
  assert.match(
    wrong.message,
    /^TensorRT gives no plan: .*input_ids of shape \(-1,77\) has no valid dimensions/,
  );
});

test('the fake device lacking memory is a fault of its own, with the layer', { skip }, async () => {
  const { code, message } = failureOf(await built({}, { buildOom: 2 }));
  assert.equal(code, 'memory');
  assert.match(
    message,
    /^TensorRT gives no plan: .*Could not find any implementation for node .*workspace\.$/,
  );
  const loading = failureOf(await built({}, { gpuMib: 0 }));
  assert.equal(loading.code, 'memory', loading.message);
});

test('the fake library giving no builder, plan or runtime is said with its words, or that it has none', {
  skip,
}, async () => {
  const builder = failureOf(await built({}, { builderNull: 1, driver: 12_040 }));
  assert.equal(builder.code, 'unsupported');
  assert.match(
    builder.message,
    /^TensorRT gives no builder: createInferBuilder: Error Code 6: .*error: 35\. Please check your CUDA/,
  );
  assert.match(
    builder.message,
    /; the driver is of CUDA 12\.4, and a newer one is needed, or TensorRT for this one's CUDA$/,
  );
  const plan = failureOf(await built({}, { planNull: 1 }));
  assert.deepEqual(plan, { code: 'failed', message: 'TensorRT gives no plan, and says nothing of why' });
  // 0x238, which is no object.
  const runtime = failureOf(await built({}, { runtimeNull: 1 }));
  assert.equal(runtime.code, 'unsupported');
  assert.match(runtime.message, /^TensorRT gives no runtime: createInferRuntime: Error Code 6/);
});

test('a fake device that is lost in a build is sticky, with what both library and driver say', {
  skip,
}, async () => {
  const { code, message } = failureOf(await built({}, { buildSticky: 2 }));
  assert.equal(code, 'sticky');
  assert.match(
    message,
    /^TensorRT gives no plan: .*illegal memory access.*; CUDA error 700, CUDA_ERROR_ILLEGAL/,
  );
});

test('a fake library that aborts takes its process along, and nothing else', { skip }, async () => {
  const { report, signal } = await runChild(10, { jobs: [await job()] }, { buildCrash: 2 });
  assert.deepEqual([report, signal], [undefined, 'SIGABRT']);
});

test('a device that is not there is said before a fake build begins', { skip }, async () => {
  const { code, message } = failureOf(await built({ device: 3 }));
  assert.equal(code, 'unsupported');
  assert.match(message, /CUDA_ERROR_INVALID_DEVICE/);
});
