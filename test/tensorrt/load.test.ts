import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildFakes } from '../fakes/build.ts';
import { REAL, type RealLibrary, skip } from './real-libraries.ts';
import { program } from './run.ts';

/** 64 bytes that begin as a plan does, of the version that is loaded: up to the runtime all is well with them. */
const PLAN = `Uint8Array.of(102, 116, 114, 116, ...Array(20).fill(0), ...tensorrt.version.split('.'), ...Array(36).fill(0))`;

/**
 * Opens TensorRT in a process of its own, by the module of the major, and says how that went; then, where `attempt` is given, how
 * that went: an expression over `tensorrt`.
 */
async function open(major: number, folder: string, libraryPath: string, attempt?: string) {
  const libraries = {
    major,
    infer: join(folder, 'libnvinfer.so.10'),
    parser: join(folder, 'libnvonnxparser.so.10'),
  };
  const { code, signal, out, err } = await program(
    `const { openTensorRt } = await import('./src/native/tensorrt.ts');
    const says = ({ code, message }) => ({ code, message });
    try {
      const tensorrt = openTensorRt(${JSON.stringify(libraries)});
      const failure = await Promise.resolve(${attempt}).then(() => undefined, says);
      console.log(JSON.stringify({ version: tensorrt.version, failure }));
    } catch (error) {
      console.log(JSON.stringify({ failure: says(error) }));
    }`,
    libraryPath,
  );
  assert.deepEqual([code, signal], [0, null], err);
  return JSON.parse(out);
}

for (const { version, folder } of REAL) {
  test(`without a device no factory of the real TensorRT ${version} is called: its process goes on`, {
    skip,
  }, async () => {
    const { failure } = await open(10, folder, folder);
    assert.equal(failure.code, 'unsupported');
    assert.match(failure.message, /libcuda\.so\.1: cannot open shared object file/);
  });

  test(`on a fake driver the real TensorRT ${version} is loaded, and says its version with its build`, {
    skip,
  }, async () => {
    const { version: full, failure } = await open(10, folder, await buildFakes(10));
    assert.equal(failure, undefined);
    assert.match(full, new RegExp(`^${version.replaceAll('.', '\\.')}\\.\\d+$`));
  });

  test(`the module for TensorRT 11 refuses the real ${version}, before it calls it`, { skip }, async () => {
    const { failure } = await open(11, folder, await buildFakes(10));
    assert.equal(failure.code, 'unsupported');
    assert.ok(
      failure.message.endsWith(`is TensorRT ${version}, and this module is for TensorRT 11`),
      failure.message,
    );
  });

  test(`on a fake driver the real TensorRT ${version} gives no runtime: a null with an offset is seen as one`, {
    skip,
  }, async () => {
    const attempt = `tensorrt.open(${PLAN}, 0)`;
    const { failure } = await open(10, folder, await buildFakes(10), attempt);
    assert.equal(failure.code, 'unsupported');
    assert.match(
      failure.message,
      /^TensorRT gives no runtime: .*CUDA initialization failure with error: 3[56]/,
    );
  });
}

test('on a fake driver the real TensorRT 10.15.1 gives no builder: its own words are passed on', {
  skip,
}, async () => {
  const [{ folder }] = REAL as [RealLibrary];
  const job = {
    path: '/nowhere.onnx',
    device: 0,
    profiles: [],
    workspaceBytes: 1e8,
    optimisationLevel: 3,
    tf32: false,
  };
  const hooks = '{ signal: new AbortController().signal, onProgress() {}, onMessage() {} }';
  const attempt = `tensorrt.build(${JSON.stringify(job)}, ${hooks})`;
  const { failure } = await open(10, folder, await buildFakes(10), attempt);
  assert.equal(failure.code, 'unsupported');
  assert.match(
    failure.message,
    /^TensorRT gives no builder: createInferBuilder: Error Code 6: API Usage Error/,
  );
});
