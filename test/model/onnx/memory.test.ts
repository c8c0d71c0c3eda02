import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { emptyFolder } from '../folder.ts';
import { bytes, number, value, varint } from '../onnx-writer.ts';

const MIB = 2 ** 20;
const GRAPH = Buffer.concat([
  bytes(11, value({ name: 'x', type: 'float32', dims: ['n', 3, 224, 224] })),
  bytes(12, value({ name: 'y', type: 'float32', dims: ['n', 512] })),
]);
const HEAD = Buffer.concat([number(1, 8), bytes(8, number(2, 17))]);
const prefix = (field: number, length: number) => Buffer.concat([varint((field << 3) | 2), varint(length)]);
const tensorHead = (name: string, size: number) =>
  Buffer.concat([number(1, size / 4), number(2, 1), bytes(8, name)]);

/** Most memory of a process that reads the model, less that of one that reads none. */
async function memoryOf(...args: string[]): Promise<number> {
  const child = ['--import', 'tsx', join(import.meta.dirname, 'read-child.ts')];
  const run = async (more: string[]) =>
    Number((await promisify(execFile)(process.execPath, [...child, ...more])).stdout);
  return (await run(args)) - (await run([]));
}

/** A file of zeros that takes no room on disk, with weights of `sizes` bytes inside. */
async function inlineModel(t: TestContext, sizes: readonly number[]): Promise<string> {
  const path = join(await emptyFolder(t), 'model.onnx');
  const heads = sizes.map((size, i) => {
    const fields = Buffer.concat([tensorHead(`w${i}`, size), prefix(9, size)]);
    return Buffer.concat([prefix(5, fields.length + size), fields]);
  });
  const length = heads.reduce((sum, head, i) => sum + head.length + sizes[i]!, GRAPH.length);
  const file = await open(path, 'w');
  const start = Buffer.concat([HEAD, prefix(7, length), GRAPH]);
  let position = (await file.write(start, 0, start.length, 0)).bytesWritten;
  for (const [i, head] of heads.entries()) {
    await file.write(head, 0, head.length, position);
    position += head.length + sizes[i]!;
  }
  await file.close();
  await truncate(path, position);
  return path;
}

test('a file of 1.7 GB takes a few megabytes, and one of its weights its own size', async (t) => {
  const sizes = [256 * MIB, ...new Array<number>(370).fill(4 * MIB)];
  const path = await inlineModel(t, sizes);
  const [whole, weight] = [await memoryOf(path), await memoryOf(path, 'w0')];
  assert.ok(whole < 50 * MIB, `${whole} bytes to read the graph`);
  assert.ok(weight > 250 * MIB && weight < 1.3 * 256 * MIB, `${weight} bytes to read a weight of 256 MiB`);
});

test('a graph with 1.7 GB beside it takes a few megabytes', async (t) => {
  const folder = await emptyFolder(t);
  const size = 4 * MIB;
  const pair = (key: string, text: string) => bytes(13, Buffer.concat([bytes(1, key), bytes(2, text)]));
  const tensors = Array.from({ length: 430 }, (_, i) =>
    bytes(
      5,
      Buffer.concat([
        tensorHead(`w${i}`, size),
        pair('location', 'w.bin'),
        pair('offset', String(i * size)),
        pair('length', String(size)),
        number(14, 1),
      ]),
    ),
  );
  await writeFile(
    join(folder, 'model.onnx'),
    Buffer.concat([HEAD, bytes(7, Buffer.concat([GRAPH, ...tensors]))]),
  );
  await writeFile(join(folder, 'w.bin'), '');
  await truncate(join(folder, 'w.bin'), 430 * size);
  const taken = await memoryOf(join(folder, 'model.onnx'));
  assert.ok(taken < 50 * MIB, `${taken} bytes`);
});
