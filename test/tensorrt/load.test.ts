import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { REAL, skip } from './real-libraries.ts';
import { program } from './run.ts';

/** Opens TensorRT in a process of its own and says how that went. */
async function open(major: number, folder: string, libraryPath: string) {
  const libraries = {
    major,
    infer: join(folder, 'libnvinfer.so.10'),
    parser: join(folder, 'libnvonnxparser.so.10'),
  };
  const { code, signal, out, err } = await program(
    `const { openTensorRt } = await import('./src/native/tensorrt.ts');
    try {
      const { version, devices } = openTensorRt(${JSON.stringify(libraries)});
      console.log(JSON.stringify({ version, devices }));
    } catch ({ code, message }) {
      console.log(JSON.stringify({ code, message }));
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
    const { code, message } = await open(10, folder, folder);
    assert.equal(code, 'unsupported');
    assert.match(message, /libcuda\.so\.1: cannot open shared object file/);
  });
}
