import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Constants } from '../../../src/model/onnx/constants/constants.ts';
import type { TensorSpec } from '../onnx-writer.ts';
import { atPlace, openConstants, readWeight } from './constants-rig.ts';
import { type NodeLine, nodeSpec, tensorSpec, toBytes } from './golden-model.ts';

const MATRIX = Array.from({ length: 200 * 100 }, (_, i) => i);
const integers = (name: string, ...values: number[]) => tensorSpec(name, ['int64', [values.length], values]);

/** The first node's output, of a [200, 100] matrix w. */
async function viewed(t: TestContext, nodes: NodeLine[], ...tensors: TensorSpec[]): Promise<Constants> {
  const matrix = tensorSpec('w', ['float32', [200, 100], MATRIX]);
  return openConstants(t, { tensors: [matrix, ...tensors], nodes: nodes.map(nodeSpec) });
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
    assert.deepEqual(await readWeight(constants, name), expected, name);
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
    assert.deepEqual(await readWeight(constants, name), expected, name);
  }
  assert.equal(constants.weight('h')!.type, 'float16');
  const halved = await readWeight(constants, 'h');
  assert.equal(halved[19_999], half(19_999));
  assert.equal(halved[2048], 2048);
});

test('what depends on an input, on chance or on a nested graph is no constant', async (t) => {
  const constants = await openConstants(t, {
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
  const constants = await openConstants(t, {
    tensors: [tensorSpec('v0', ['float32', [], [3]])],
    nodes: nodes.map(nodeSpec),
  });
  assert.equal(constants.value('v20000')!.values[0], 3);
});
