import assert from 'node:assert/strict';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { scalarOf } from '../../../src/model/onnx/elements.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';
import { allTensors, withNested } from '../../../src/model/onnx/types.ts';
import { emptyFolder } from '../folder.ts';
import { bytes, imageTower, number, onnx, textTower, varint } from '../onnx-writer.ts';

async function write(t: TestContext, content: Uint8Array | string): Promise<string> {
  const path = join(await emptyFolder(t), 'model.onnx');
  await writeFile(path, content);
  return path;
}

test('inputs, outputs, opset, tensors and operators are read; weights listed as inputs are not inputs', async (t) => {
  const path = await write(
    t,
    onnx({
      inputs: [
        { name: 'x', type: 'float16', dims: ['n', 3, '?', 224] },
        { name: 'w', type: 'float32', dims: [2, 3] },
      ],
      outputs: [{ name: 'y', type: 'float32' }],
      tensors: [{ name: 'w', type: 'float32', dims: [2, 3], raw: new Uint8Array(24) }],
      nodes: [
        { operator: 'Conv', inputs: ['x', 'w'], outputs: ['c'] },
        { operator: 'Relu', inputs: ['c'], outputs: ['r'] },
        { operator: 'Relu', inputs: ['r'], outputs: ['y'] },
      ],
    }),
  );
  const model = await readOnnx(path);
  assert.deepEqual(model.inputs, [{ name: 'x', type: 'float16', dims: ['n', 3, '?', 224] }]);
  assert.deepEqual(model.outputs, [{ name: 'y', type: 'float32' }]);
  assert.equal(model.opsets.get(''), 17);
  assert.equal(model.tensors[0]?.bytes, 24);
  assert.deepEqual(model.tensors[0]?.dims, [2, 3]);
  assert.equal(model.nodes[0]?.inputs[1], 'w');
  assert.deepEqual(model.nodes.map(({ operator }) => operator).sort(), ['Conv', 'Relu', 'Relu']);
});

test('weights are stepped over: 200 MB of them are never read', async (t) => {
  const size = 200 * 2 ** 20;
  const start = Buffer.concat([number(1, 2 ** 18), number(1, 200), number(2, 1), bytes(8, 'w')]);
  const raw = Buffer.concat([varint((9 << 3) | 2), varint(size)]);
  const tail = bytes(8, number(2, 17));
  const tensorBytes = start.length + raw.length + size;
  const tensor = Buffer.concat([varint((5 << 3) | 2), varint(tensorBytes), start, raw]);
  const graph = Buffer.concat([varint((7 << 3) | 2), varint(tensor.length + size), tensor]);
  const head = Buffer.concat([number(1, 8), tail, graph]);
  const path = await write(t, head);
  await truncate(path, head.length + size);
  const before = process.memoryUsage().arrayBuffers;
  const model = await readOnnx(path);
  assert.equal(model.tensors[0]?.bytes, size);
  assert.equal(model.tensors[0]?.raw?.start, head.length);
  assert.ok(process.memoryUsage().arrayBuffers - before < 10 * 2 ** 20);
});

test('external locations, nested graphs and Constant nodes are read', async (t) => {
  const path = await write(
    t,
    onnx({
      tensors: [
        {
          name: 'e',
          type: 'float32',
          dims: [4],
          external: { location: 'w.bin', offset: '64', length: '16' },
        },
      ],
      nodes: [
        {
          operator: 'If',
          inputs: ['c'],
          outputs: ['y'],
          body: {
            tensors: [{ name: 'inner', type: 'int64', dims: [2], raw: new Uint8Array(16) }],
            nodes: [{ operator: 'Erf', inputs: ['q'], outputs: ['r'] }],
          },
        },
        {
          operator: 'Constant',
          inputs: [],
          outputs: ['k'],
          value: { name: '', type: 'float16', dims: [], raw: new Uint8Array([0xcf, 0x3e]) },
        },
        {
          operator: 'Constant',
          inputs: [],
          outputs: ['f'],
          value: { name: '', type: 'float32', dims: [1], floats: [-2.5] },
        },
      ],
    }),
  );
  const model = await readOnnx(path);
  const tensor = (name: string) => [...allTensors(model)].find((item) => item.name === name);
  assert.deepEqual(tensor('e')?.external, { location: 'w.bin', offset: 64, length: 16 });
  assert.equal(tensor('inner')?.bytes, 16);
  assert.ok(Math.abs(scalarOf(tensor('k')!)! - 1.702) < 1e-3);
  assert.equal(scalarOf(tensor('f')!), -2.5);
  assert.deepEqual(
    model.nodes.map(({ operator }) => operator),
    ['If'],
  );
  const graphs = [...withNested(model)];
  assert.equal(graphs[1]?.nodes[0]?.operator, 'Erf');
});

test('a file cut anywhere is refused and never half read', async (t) => {
  const whole = textTower({ tensors: [{ name: 'w', type: 'float32', dims: [8], raw: new Uint8Array(32) }] });
  const path = await write(t, whole);
  for (let length = 0; length < whole.length; length++) {
    await writeFile(path, whole.subarray(0, length));
    await assert.rejects(readOnnx(path), { code: 'model_invalid' }, `cut to ${length} of ${whole.length}`);
  }
});

const FOREIGN: [string, Uint8Array | string, RegExp][] = [
  ['empty', '', /found no bytes/],
  ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:abc\n', /Git LFS pointer/],
  ['a web page', '<!DOCTYPE html><html></html>', /web page/],
  ['a zip archive', Buffer.from('PK\x03\x04aaaaaaaa'), /zip archive/],
  ['text', 'hello, this is no model', /truncated or of another kind/],
  ['zeros', new Uint8Array(4096), /field number 0/],
  ['ones', Buffer.alloc(4096, 0xff), /truncated or of another kind/],
  ['a message without a graph', number(1, 8), /no graph/],
  [
    'a negative dimension',
    onnx({ tensors: [{ name: 'w', type: 'float32', dims: [-4] }] }),
    /shape \[-4\] of w/,
  ],
];

for (const [what, content, expected] of FOREIGN) {
  test(`${what} is refused by name`, async (t) => {
    const path = await write(t, content);
    await assert.rejects(
      readOnnx(path),
      (error: Error) => expected.test(error.message) && error.message.includes(path),
    );
  });
}

test('graphs nested without end are refused', async (t) => {
  let body: Parameters<typeof onnx>[0] = {};
  for (let depth = 0; depth < 9; depth++)
    body = { nodes: [{ operator: 'If', inputs: [], outputs: [], body }] };
  await assert.rejects(readOnnx(await write(t, onnx(body))), /nested deeper than 8/);
  const allowed = body.nodes![0]!.body!;
  assert.equal([...withNested(await readOnnx(await write(t, onnx(allowed))))].length, 9);
});

test('an abort ends the reading', async (t) => {
  await assert.rejects(readOnnx(await write(t, imageTower()), AbortSignal.abort()), { name: 'AbortError' });
});
