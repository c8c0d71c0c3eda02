import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { attribute } from '../../../src/model/onnx/attributes.ts';
import { Constants } from '../../../src/model/onnx/constants/constants.ts';
import { GraphLinks } from '../../../src/model/onnx/links.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';
import { type WrittenModel, writeOnnx } from '../../../src/model/onnx/write.ts';
import { emptyFolder } from '../folder.ts';
import { toBytes } from './golden-model.ts';

/** y = leakyRelu(x · w + b), w in another file at an odd offset. */
function written(folder: string): WrittenModel {
  return {
    name: 'graph',
    producer: 'test',
    irVersion: 8,
    opsets: { '': 17, 'com.microsoft': 1 },
    metadata: { origin: 'a test', empty: '' },
    inputs: [{ name: 'x', type: 'float32', dims: ['rows', 2] }],
    outputs: [{ name: 'y', type: 'float32', dims: ['rows', 3] }],
    tensors: [
      {
        name: 'w',
        type: 'float32',
        dims: [2, 3],
        content: { path: join(folder, 'data', 'weights.bin'), offset: 5, length: 24 },
      },
      { name: 'b', type: 'float32', dims: [3], content: toBytes('float32', [0.5, -10, 0]) },
    ],
    nodes: [
      {
        operator: 'FusedMatMul',
        domain: 'com.microsoft',
        name: 'product',
        inputs: ['x', 'w'],
        outputs: ['p'],
        attributes: { alpha: { float: 2 }, transA: 0 },
      },
      { operator: 'Add', inputs: ['p', 'b'], outputs: ['s'] },
      { operator: 'LeakyRelu', inputs: ['s'], outputs: ['t'], attributes: { alpha: { float: 0.25 } } },
      { operator: 'Transpose', inputs: ['t'], outputs: ['y'], attributes: { perm: [0, 1] } },
    ],
  };
}

async function model(t: Parameters<typeof emptyFolder>[0]): Promise<string> {
  const folder = await emptyFolder(t);
  await mkdir(join(folder, 'data'));
  const weights = toBytes('float32', [1, 2, 3, 4, 5, 6]);
  await writeFile(join(folder, 'data', 'weights.bin'), Buffer.concat([Buffer.alloc(5), weights]));
  await writeOnnx(join(folder, 'model.onnx'), written(folder));
  return join(folder, 'model.onnx');
}

test('what is written is read again', async (t) => {
  const path = await model(t);
  const found = await readOnnx(path);
  assert.deepEqual(found.inputs, [{ name: 'x', type: 'float32', dims: ['rows', 2] }]);
  assert.deepEqual(found.outputs, [{ name: 'y', type: 'float32', dims: ['rows', 3] }]);
  assert.deepEqual(Object.fromEntries(found.opsets), { '': 17, 'com.microsoft': 1 });
  assert.deepEqual(Object.fromEntries(found.metadata), { origin: 'a test', empty: '' });
  assert.equal(found.producer, 'test');
  const [product, , relu, turn] = found.nodes;
  assert.equal(product!.name, 'product');
  assert.equal(product!.domain, 'com.microsoft');
  assert.equal(attribute(product!, 'transA', 'integer'), 0);
  assert.equal(attribute(relu!, 'alpha', 'float'), 0.25);
  assert.equal(attribute(relu!, 'beta', 'float'), undefined);
  assert.deepEqual(attribute(turn!, 'perm', 'integers'), [0, 1]);
  assert.throws(
    () => attribute(turn!, 'perm', 'float'),
    /expected its perm to be of kind float, found integers/,
  );
  const constants = await Constants.of(new GraphLinks(found));
  assert.deepEqual(Array.from(await constants.weight('w')!.read()), [1, 2, 3, 4, 5, 6]);
});

test('ONNX Runtime computes what is written', async (t) => {
  const session = await InferenceSession.create(await model(t));
  const { y } = await session.run({ x: new Tensor('float32', [1, 0.5], [1, 2]) });
  assert.deepEqual(Array.from(y!.data as Float32Array), [6.5, -0.25, 12]);
  await session.release();
});

test('text, float lists and the largest numbers are written', async (t) => {
  const path = join(await emptyFolder(t), 'model.onnx');
  const attributes = {
    mode: 'nearest',
    scales: { floats: [0.5, 2] },
    far: [2 ** 63, -(2 ** 62), -1],
    lone: -7,
  };
  await writeOnnx(path, {
    ...written(''),
    tensors: [],
    nodes: [{ operator: 'Any', inputs: [], outputs: [], attributes }],
  });
  const [node] = (await readOnnx(path)).nodes;
  assert.equal(attribute(node!, 'mode', 'text'), 'nearest');
  assert.deepEqual(attribute(node!, 'scales', 'floats'), [0.5, 2]);
  assert.deepEqual(attribute(node!, 'far', 'integers'), [2 ** 63, -(2 ** 62), -1]);
  assert.equal(attribute(node!, 'lone', 'integer'), -7);
});

test('a tensor outside the folder, or of another size than its shape, is not written', async (t) => {
  const folder = await emptyFolder(t);
  const path = join(folder, 'model.onnx');
  const tensor = { name: 'w', type: 'float32' as const, dims: [2] };
  const tensors = (content: Uint8Array | { path: string; offset: number; length: number }) =>
    writeOnnx(path, { ...written(folder), tensors: [{ ...tensor, content }] });
  for (const other of [join(folder, '../w.bin'), '/w.bin', 'w.bin', folder]) {
    await assert.rejects(tensors({ path: other, offset: 0, length: 8 }), {
      code: 'model_invalid',
      message: /expected w inside/,
    });
  }
  await assert.rejects(tensors(new Uint8Array(7)), /expected 8 bytes for w float32\[2\], found 7/);
});
