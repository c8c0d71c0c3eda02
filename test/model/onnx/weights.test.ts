import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Constants } from '../../../src/model/onnx/constants/constants.ts';
import { GraphLinks } from '../../../src/model/onnx/links.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';
import { emptyFolder } from '../folder.ts';
import { bytes, type GraphSpec, number, onnx, type TensorSpec, varint } from '../onnx-writer.ts';
import { type NodeLine, nodeSpec, tensorSpec, toBytes } from './golden-model.ts';

const LONG = 20_000;
/** More than is kept in memory: read from the file each time. */
const long = Array.from({ length: LONG }, (_, i) => i / 8 - 1000);

async function open(
  t: TestContext,
  spec: GraphSpec,
  files: Record<string, Uint8Array> = {},
): Promise<Constants> {
  const folder = await emptyFolder(t);
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  await writeFile(join(folder, 'model.onnx'), onnx(spec));
  return Constants.of(new GraphLinks(await readOnnx(join(folder, 'model.onnx'))));
}

async function read(constants: Constants, name: string): Promise<number[]> {
  return Array.from(await constants.weight(name)!.read());
}

/** What lies at the weight's place. */
async function atPlace(constants: Constants, name: string): Promise<Buffer> {
  const { path, offset, length } = constants.weight(name)!.place!;
  return (await readFile(path)).subarray(offset, offset + length);
}

const packed = (field: number, values: readonly (number | bigint)[]) =>
  bytes(field, Buffer.concat(values.map(varint)));
const floats = (values: readonly number[]) => bytes(4, toBytes('float32', values));
const bfloats = [1, -2.5, 3.140625];
const bfloatBits = [0x3f80, 0xc020, 0x4049];
const halves = [1.5, -0.25, 65504];
const halfBits = [0x3e00, 0xb400, 0x7bff];
const doubles = [0.1, 1e-3, -4];

const KINDS: [string, TensorSpec, number[], hasPlace: boolean][] = [
  ['raw float32', tensorSpec('w', ['float32', [3], [1, 2, 3]]), [1, 2, 3], true],
  ['raw float16', tensorSpec('w', ['float16', [3], halves]), halves, true],
  [
    'raw bfloat16',
    { name: 'w', type: 'bfloat16', dims: [3], raw: new Uint8Array(Uint16Array.from(bfloatBits).buffer) },
    bfloats,
    true,
  ],
  ['raw float64', tensorSpec('w', ['float64', [3], doubles]), doubles.map(Math.fround), false],
  ['typed float32', { name: 'w', type: 'float32', dims: [3], fields: [floats([1, 2, 3])] }, [1, 2, 3], true],
  [
    'typed float32 in two pieces',
    { name: 'w', type: 'float32', dims: [3], fields: [floats([1, 2]), floats([3])] },
    [1, 2, 3],
    false,
  ],
  ['typed float16', { name: 'w', type: 'float16', dims: [3], fields: [packed(5, halfBits)] }, halves, false],
  [
    'typed float16, not packed',
    { name: 'w', type: 'float16', dims: [3], fields: halfBits.map((value) => number(5, value)) },
    halves,
    false,
  ],
  [
    'typed bfloat16',
    { name: 'w', type: 'bfloat16', dims: [3], fields: [packed(5, bfloatBits)] },
    bfloats,
    false,
  ],
  [
    'typed float64',
    { name: 'w', type: 'float64', dims: [3], fields: [bytes(10, toBytes('float64', doubles))] },
    doubles.map(Math.fround),
    false,
  ],
  ['long raw float32', tensorSpec('w', ['float32', [LONG], long]), long, true],
  ['long typed float32', { name: 'w', type: 'float32', dims: [LONG], fields: [floats(long)] }, long, true],
  [
    'long typed float16',
    { name: 'w', type: 'float16', dims: [40_000], fields: [packed(5, new Array(40_000).fill(0x3e00))] },
    new Array(40_000).fill(1.5),
    false,
  ],
  [
    'long raw float16',
    { name: 'w', type: 'float16', dims: [400_000], raw: new Uint8Array(800_000) },
    new Array(400_000).fill(0),
    true,
  ],
];

for (const [what, tensor, expected, hasPlace] of KINDS) {
  test(`${what} is read as float32`, async (t) => {
    const constants = await open(t, { tensors: [tensor] });
    const weight = constants.weight('w')!;
    assert.deepEqual(Array.from(await weight.read()), expected);
    assert.equal(weight.type, tensor.type === 'float64' ? 'float32' : tensor.type);
    assert.equal(weight.place !== undefined, hasPlace);
    if (hasPlace && tensor.raw) assert.deepEqual(await atPlace(constants, 'w'), Buffer.from(tensor.raw));
  });
}

test('integers of every magnitude keep their value', async (t) => {
  const values = [0, 1, -1, 127, 128, -128, 2 ** 31, -(2 ** 31), 2 ** 53 - 1, -(2 ** 53) + 1];
  const typed: TensorSpec = {
    name: 'typed',
    type: 'int64',
    dims: [values.length],
    fields: [packed(7, values)],
  };
  const largest: TensorSpec = {
    name: 'largest',
    type: 'int64',
    dims: [],
    fields: [number(7, 2n ** 63n - 1n)],
  };
  const small = [0, -1, 2 ** 31 - 1, -(2 ** 31)];
  const int32: TensorSpec = { name: 'int32', type: 'int32', dims: [4], fields: [packed(5, small)] };
  const constants = await open(t, { tensors: [typed, largest, int32] });
  assert.deepEqual(Array.from(constants.value('typed')!.values), values);
  assert.deepEqual(Array.from(constants.value('int32')!.values), small);
  assert.equal(constants.value('largest')!.values[0], 2 ** 63);
  assert.equal(constants.weight('typed'), undefined);
});

const external = (location: string, offset: number, length?: number): Record<string, string> => ({
  location,
  offset: String(offset),
  ...(length !== undefined && { length: String(length) }),
});

test('external weights are read where they lie; small ones are values too', async (t) => {
  const data = Buffer.concat([Buffer.alloc(7), toBytes('float32', long), toBytes('int64', [5, -1])]);
  const constants = await open(
    t,
    {
      tensors: [
        { name: 'w', type: 'float32', dims: [LONG], external: external('w.bin', 7, 4 * LONG) },
        { name: 'k', type: 'int64', dims: [2], external: external('w.bin', 7 + 4 * LONG) },
      ],
    },
    { 'w.bin': data },
  );
  assert.deepEqual(await read(constants, 'w'), long);
  assert.deepEqual(constants.weight('w')!.place!.offset, 7);
  assert.deepEqual(Array.from(constants.value('k')!.values), [5, -1]);
});

test('external data of another length than the tensor is refused', async (t) => {
  const tensors = [{ name: 'w', type: 'float32' as const, dims: [4], external: external('w.bin', 0, 12) }];
  await assert.rejects(
    open(t, { tensors }, { 'w.bin': new Uint8Array(64) }),
    /expected 16 bytes of w, found 12/,
  );
});

const MATRIX = Array.from({ length: 200 * 100 }, (_, i) => i);
const integers = (name: string, ...values: number[]) => tensorSpec(name, ['int64', [values.length], values]);

/** The first node's output, of a [200, 100] matrix w. */
async function viewed(t: TestContext, nodes: NodeLine[], ...tensors: TensorSpec[]): Promise<Constants> {
  const matrix = tensorSpec('w', ['float32', [200, 100], MATRIX]);
  return open(t, { tensors: [matrix, ...tensors], nodes: nodes.map(nodeSpec) });
}

test('a weight seen in another shape, or a run of its rows, keeps its place', async (t) => {
  const constants = await viewed(
    t,
    [
      ['Reshape', ['w', 'shape'], ['r'], {}],
      ['Split', ['w', 'sizes'], ['a', 'b'], { axis: 0 }],
      ['Unsqueeze', ['b', 'front'], ['u'], {}],
      ['Transpose', ['u'], ['v'], { perm: [1, 0, 2] }],
    ],
    integers('shape', 100, -1),
    integers('sizes', 150, 50),
    integers('front', 0),
  );
  for (const [name, dims, start, end] of [
    ['r', [100, 200], 0, 20_000],
    ['a', [150, 100], 0, 15_000],
    ['b', [50, 100], 15_000, 20_000],
    ['u', [1, 50, 100], 15_000, 20_000],
    ['v', [50, 1, 100], 15_000, 20_000],
  ] as const) {
    assert.deepEqual(constants.weight(name)!.dims, dims, name);
    const expected = MATRIX.slice(start, end);
    assert.deepEqual(await read(constants, name), expected, name);
    assert.deepEqual(await atPlace(constants, name), Buffer.from(toBytes('float32', expected)), name);
  }
});

test('a weight whose elements move has no place, and is computed when it is read', async (t) => {
  const constants = await viewed(
    t,
    [
      ['Transpose', ['w'], ['t'], {}],
      ['Split', ['w', 'halves'], ['l', 'r'], { axis: 1 }],
      ['Concat', ['r', 'l'], ['c'], { axis: 0 }],
      ['Mul', ['w', 'eighth'], ['m'], {}],
      ['Cast', ['w'], ['h'], { to: 10 }],
      ['Reshape', ['t', 'flat'], ['f'], {}],
    ],
    integers('halves', 50, 50),
    integers('flat', -1),
    tensorSpec('eighth', ['float32', [], [0.125]]),
  );
  const right = MATRIX.filter((i) => i % 100 >= 50);
  const left = MATRIX.filter((i) => i % 100 < 50);
  const turned = MATRIX.map((_, i) => (i % 200) * 100 + Math.floor(i / 200));
  const half = (x: number) => Math.round(x / 16) * 16;
  for (const [name, dims, expected] of [
    ['t', [100, 200], turned],
    ['r', [200, 50], right],
    ['c', [400, 50], [...right, ...left]],
    ['m', [200, 100], MATRIX.map((x) => x / 8)],
    ['f', [20_000], turned],
  ] as const) {
    assert.equal(constants.weight(name)!.place, undefined, name);
    assert.deepEqual(constants.weight(name)!.dims, dims, name);
    assert.deepEqual(await read(constants, name), expected, name);
  }
  assert.equal(constants.weight('h')!.type, 'float16');
  const halved = await read(constants, 'h');
  assert.equal(halved[19_999], half(19_999));
  assert.equal(halved[2048], 2048);
});

test('what depends on an input, on chance or on a nested graph is no constant', async (t) => {
  const constants = await open(t, {
    inputs: [{ name: 'x', type: 'float32', dims: [1] }],
    tensors: [tensorSpec('k', ['float32', [1], [1]]), integers('s', 1)],
    nodes: [
      { operator: 'Add', inputs: ['x', 'k'], outputs: ['a'] },
      { operator: 'RandomNormal', inputs: [], outputs: ['b'] },
      { operator: 'If', inputs: ['k'], outputs: ['c'], body: {} },
      { operator: 'Gelu', domain: 'com.microsoft', inputs: ['k'], outputs: ['d'] },
      { operator: 'Neg', inputs: ['a'], outputs: ['e'] },
      { operator: 'Unheard', inputs: ['k'], outputs: ['f'] },
    ],
  });
  for (const name of ['x', 'a', 'b', 'c', 'd', 'e', 'nothing']) {
    assert.equal(constants.isConstant(name), false, name);
    assert.equal(constants.value(name), undefined, name);
    assert.equal(constants.weight(name), undefined, name);
  }
  assert.equal(constants.isConstant('f'), true);
  assert.equal(constants.value('f'), undefined);
});

test('a chain of any length is followed', async (t) => {
  const nodes = Array.from({ length: 20_000 }, (_, i): NodeLine => ['Neg', [`v${i}`], [`v${i + 1}`]]);
  const constants = await open(t, {
    tensors: [tensorSpec('v0', ['float32', [], [3]])],
    nodes: nodes.map(nodeSpec),
  });
  assert.equal(constants.value('v20000')!.values[0], 3);
});
