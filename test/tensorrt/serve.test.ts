import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { emptyFolder } from '../model/folder.ts';
import { testModel } from '../models/test-model.ts';
import { REAL, skip } from './real-libraries.ts';
import { command, serving } from './run.ts';

/** The built-in tensorrt-flow.yml with a model and a port of the test's. */
async function tensorRtFlow(t: TestContext, encoder = ''): Promise<string> {
  const flow = join(await emptyFolder(t), 'flow.yml');
  const model = JSON.stringify(await testModel('tiny'));
  writeFileSync(
    flow,
    `jtype: Flow
version: "1"
with: { port: 0, host: 127.0.0.1, protocol: http }
executors:
  - name: clip_r
    uses:
      jtype: CLIPEncoder
      with: { model_path: ${model}${encoder} }
      metas:
        py_modules:
          - executors/clip_tensorrt.py
`,
  );
  return flow;
}

for (const { version, folder } of REAL) {
  test(`with the real TensorRT ${version} and no driver, ONNX Runtime serves, with one notice`, {
    skip,
  }, async (t) => {
    const { log, code } = await serving(await tensorRtFlow(t), folder, async (url) => {
      const response = await fetch(`${url}/encode`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ data: [{ text: 'a red apple' }] }),
      });
      const { data } = (await response.json()) as { data: { embedding: number[] }[] };
      assert.ok(data[0]!.embedding.length > 0 && data[0]!.embedding.every(Number.isFinite), 'a vector');
    });
    assert.equal(code, 0);
    assert.equal(log.filter((line) => /TensorRT/.test(line)).length, 1, log.join('\n'));
    assert.match(log.find((line) => /TensorRT/.test(line))!, /ONNX Runtime serves/);
  });

  test(`with the real TensorRT ${version} and no driver, fallback: false is refused with 2`, {
    skip,
  }, async (t) => {
    const { code, out, err } = await command([await tensorRtFlow(t, ', fallback: false')], folder);
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, /^clip-server: .*flow\.yml: fallback: false .*TensorRT.*\n$/);
  });
}
