import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { REAL, skip } from './real-libraries.ts';
import { command } from './run.ts';

for (const { version, folder, resource } of REAL) {
  test(`doctor finds the real TensorRT ${version}, and lacks the driver alone`, { skip }, async () => {
    const { code, out, err } = await command(['doctor', '--json'], folder);
    assert.deepEqual([code, err], [1, '']);
    const { driver, tensorrt, verdict } = JSON.parse(out);
    assert.match(driver.library.error, /^libcuda\.so\.1: cannot open shared object file/);
    const [major, minor, patch] = version.split('.').map(Number) as [number, number, number];
    const path = join(folder, 'libnvinfer.so.10');
    const number = major * 10_000 + minor * 100 + patch;
    assert.deepEqual(tensorrt.infer.at(1), { asked: 'libnvinfer.so.10', path, version: number });
    assert.equal(tensorrt.parser.at(1).path, join(folder, 'libnvonnxparser.so.10'));
    assert.deepEqual(tensorrt.builderResources, [resource]);
    assert.deepEqual(tensorrt.libraryPath, [folder]);
    assert.equal(verdict.tensorrt, false);
    for (const part of ['build', 'run'])
      assert.match(verdict[part], /^no: no driver \(libcuda\.so\.1: [^;]+\)$/, part);
    assert.match(verdict.install, /^NVIDIA's driver[^;]*$/);
  });

  test(`doctor's page of the real TensorRT ${version}`, { skip }, async () => {
    const { code, out, err } = await command(['doctor'], folder);
    assert.deepEqual([code, err], [1, '']);
    assert.match(out, /^ {2}driver +none: libcuda\.so\.1: cannot open shared object file/m);
    assert.ok(out.includes(`libnvinfer.so.10: ${folder}/libnvinfer.so.10, version ${version}, served\n`));
    assert.ok(out.includes(`libnvonnxparser.so.10: ${folder}/libnvonnxparser.so.10\n`));
    assert.match(out, new RegExp(`^ {2}builder +${resource.replaceAll('.', '\\.')}$`, 'm'));
    assert.match(out, /^ {2}can run +no: no driver \(/m);
  });
}
