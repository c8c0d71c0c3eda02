import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { testModel } from './test-model.ts';

const WIDTH = 32;
const SIDE = 16;
const ROWS = 3;

const open: InferenceSession[] = [];
after(() => Promise.all(open.map((session) => session.release())));

async function outputOf(folder: string, tower: string, feed: Tensor): Promise<Float32Array> {
  const session = await InferenceSession.create(join(folder, `${tower}.onnx`));
  open.push(session);
  const results = await session.run({ [session.inputNames[0]!]: feed });
  return results[session.outputNames[0]!]!.data as Float32Array;
}

/** The rule of test/fakes/infer/run.h: the row's sum, plus the column. */
function sums(values: readonly number[]): number[] {
  const count = values.length / ROWS;
  const rows = Array.from({ length: ROWS }, (_, row) => values.slice(row * count, (row + 1) * count));
  return rows.flatMap((row) => {
    const sum = row.reduce((total, value) => total + value, 0);
    return Array.from({ length: WIDTH }, (_, column) => sum + column);
  });
}

for (const [type, columns] of [
  ['int32', 77],
  ['int64', 77],
  ['int32', 16],
] as const) {
  test(`${type} texts of ${columns} columns have the sums that the fakes of TensorRT compute`, async () => {
    const folder = await testModel('sum', { ids: type, columns: columns === 77 ? 'context' : 'dynamic' });
    const ids = Array.from({ length: ROWS * columns }, (_, i) => (i * 7919) % 49408);
    const data = type === 'int64' ? BigInt64Array.from(ids, BigInt) : Int32Array.from(ids);
    const output = await outputOf(folder, 'textual', new Tensor(type, data, [ROWS, columns]));
    assert.deepEqual([...output], sums(ids));
  });
}

test('float32 pictures have the sums that the fakes of TensorRT compute, but for rounding', async () => {
  const count = ROWS * 3 * SIDE ** 2;
  const pixels = Float32Array.from({ length: count }, (_, i) => ((i * 31) % 256) / 64 - 1.8);
  const feed = new Tensor('float32', pixels, [ROWS, 3, SIDE, SIDE]);
  const output = await outputOf(await testModel('sum'), 'visual', feed);
  const expected = sums([...pixels]);
  const worst = Math.max(...expected.map((value, i) => Math.abs(value - output[i]!)));
  assert.equal(output.length, expected.length);
  assert.ok(worst < 1e-2, `the largest difference is ${worst}`);
});

test('uint8 pictures have the sums that the fakes of TensorRT compute', async () => {
  const pixels = Uint8Array.from({ length: ROWS * 3 * SIDE ** 2 }, (_, i) => (i * 31) & 255);
  const feed = new Tensor('uint8', pixels, [ROWS, SIDE, SIDE, 3]);
  const output = await outputOf(await testModel('sum', { pixels: 'uint8' }), 'visual', feed);
  assert.deepEqual([...output], sums([...pixels]));
});
