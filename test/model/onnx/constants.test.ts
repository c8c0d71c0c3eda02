import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Constants } from '../../../src/model/onnx/constants/constants.ts';
import { GraphLinks } from '../../../src/model/onnx/links.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';
import { emptyFolder } from '../folder.ts';
import { constantModel, type Golden, type NodeLine, type TensorLine } from './golden-model.ts';

const golden = JSON.parse(
  readFileSync(new URL('goldens/constants.json', import.meta.url), 'utf8'),
) as Golden[];

async function constantsOf(
  t: TestContext,
  tensors: Readonly<Record<string, TensorLine>>,
  nodes: readonly NodeLine[],
  opset = 17,
): Promise<Constants> {
  const path = join(await emptyFolder(t), 'model.onnx');
  await writeFile(path, constantModel({ opset, tensors, nodes }));
  return Constants.of(new GraphLinks(await readOnnx(path)));
}

for (const { name, opset, tensors, nodes, expected } of golden) {
  test(`as ONNX Runtime computes it: ${name}`, async (t) => {
    const constants = await constantsOf(t, tensors, nodes, opset);
    for (const [output, [type, dims, values]] of Object.entries(expected)) {
      assert.ok(constants.isConstant(output));
      const found = constants.value(output);
      assert.deepEqual(found && { ...found, values: Array.from(found.values) }, {
        type,
        dims,
        values: values.map(Number),
      });
      if (!type.startsWith('float')) continue;
      const read = await constants.weight(output)!.read();
      assert.deepEqual(Array.from(read), Array.from(Float32Array.from(values.map(Number))));
    }
  });
}
