import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, number, type TensorSpec, varint } from '../onnx-writer.ts';
import { atPlace, openConstants, readWeight } from './constants-rig.ts';
import { tensorSpec, toBytes } from './golden-model.ts';

const LONG = 20_000;
/** More than is kept in memory: read from the file each time. */
const long = Array.from({ length: LONG }, (_, i) => i / 8 - 1000);

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
    const constants = await openConstants(t, { tensors: [tensor] });
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
  const constants = await openConstants(t, { tensors: [typed, largest, int32] });
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
  const constants = await openConstants(
    t,
    {
      tensors: [
        { name: 'w', type: 'float32', dims: [LONG], external: external('w.bin', 7, 4 * LONG) },
        { name: 'k', type: 'int64', dims: [2], external: external('w.bin', 7 + 4 * LONG) },
      ],
    },
    { 'w.bin': data },
  );
  assert.deepEqual(await readWeight(constants, 'w'), long);
  assert.deepEqual(constants.weight('w')!.place!.offset, 7);
  assert.deepEqual(Array.from(constants.value('k')!.values), [5, -1]);
});

test('external data of another length than the tensor is refused', async (t) => {
  const tensors = [{ name: 'w', type: 'float32' as const, dims: [4], external: external('w.bin', 0, 12) }];
  await assert.rejects(
    openConstants(t, { tensors }, { 'w.bin': new Uint8Array(64) }),
    /expected 16 bytes of w, found 12/,
  );
});
