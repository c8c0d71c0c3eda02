import assert from 'node:assert/strict';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Constants } from '../../../src/model/onnx/constants/constants.ts';
import { GraphLinks } from '../../../src/model/onnx/links.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';
import type { OnnxModel } from '../../../src/model/onnx/types.ts';
import { emptyFolder } from '../folder.ts';
import { attribute, bytes, type GraphSpec, graph, node, number, onnx, varint } from '../onnx-writer.ts';
import { type NodeLine, nodeSpec, tensorSpec } from './golden-model.ts';

async function read(t: TestContext, file: Uint8Array): Promise<OnnxModel> {
  const path = join(await emptyFolder(t), 'model.onnx');
  await writeFile(path, file);
  return readOnnx(path);
}

const invalid = (message: RegExp) => (error: Error & { code?: string }) => {
  assert.equal(error.code, 'model_invalid');
  assert.match(error.message, message);
  return true;
};

const model = (...fields: Buffer[]) => Buffer.concat([number(1, 8), bytes(8, number(2, 17)), ...fields]);
const TOO_LONG = Buffer.alloc(11, 0xff);
const FIELDS: [string, Buffer, RegExp][] = [
  [
    'a length beyond the file',
    Buffer.concat([varint((7 << 3) | 2), varint(2 ** 40)]),
    /a field of 1099511627776 bytes passes/,
  ],
  [
    'a length beyond all numbers',
    Buffer.concat([varint((7 << 3) | 2), varint(2n ** 64n - 1n)]),
    /a field of -1 bytes passes/,
  ],
  [
    'a number of eleven bytes',
    Buffer.concat([varint(1 << 3), TOO_LONG]),
    /a number that is cut off or too long/,
  ],
  ['a wire type of groups', varint((7 << 3) | 3), /wire type 3/],
  ['a graph that is a number', number(7, 1), /a varint where field 7 holds a message/],
  ['two graphs', Buffer.concat([bytes(7, ''), bytes(7, '')]), /a second graph/],
  ['a name of 65537 bytes', bytes(2, 'x'.repeat(65_537)), /65537 bytes/],
  [
    'an attribute without a value',
    bytes(7, bytes(1, bytes(5, bytes(1, 'axis')))),
    /attribute axis without a value/,
  ],
  ['a shape beyond all memory', bytes(7, tensor([2 ** 31, 2 ** 31, 2 ** 31])), /the shape \[2147483648, /],
  [
    'fewer elements than the shape',
    bytes(7, tensor([8], bytes(9, Buffer.alloc(31)))),
    /31 bytes of elements of w: float32\[8\]/,
  ],
  [
    'more elements than the shape',
    bytes(7, tensor([], bytes(4, Buffer.alloc(8)))),
    /8 bytes of elements of w/,
  ],
  [
    'elements of an unknown type',
    bytes(7, bytes(5, Buffer.concat([number(2, 99), bytes(9, 'x')]))),
    /type 99/,
  ],
  [
    'external data at a negative offset',
    bytes(7, tensor([], pair('location', 'w'), pair('offset', '-4'), number(14, 1))),
    /external data of w at/,
  ],
  ['external data without a place', bytes(7, tensor([], number(14, 1))), /external data of w at \{\}/],
];

function tensor(dims: number[], ...fields: Buffer[]): Buffer {
  return bytes(
    5,
    Buffer.concat([...dims.map((dim) => number(1, dim)), number(2, 1), bytes(8, 'w'), ...fields]),
  );
}

function pair(key: string, value: string): Buffer {
  return bytes(13, Buffer.concat([bytes(1, key), bytes(2, value)]));
}

for (const [what, field, message] of FIELDS) {
  test(`refused: ${what}`, async (t) => {
    await assert.rejects(read(t, model(field)), invalid(message));
  });
}

test('200,000 nodes are read, one more is refused', async (t) => {
  const nodes = (count: number) => model(bytes(7, Buffer.alloc(2 * count, bytes(1, ''))));
  assert.equal((await read(t, nodes(200_000))).nodes.length, 200_000);
  await assert.rejects(read(t, nodes(200_001)), invalid(/more than 200000 nodes, tensors and values/));
});

test('more than 64 MiB besides the weights are refused', async (t) => {
  const notes = (count: number) => Buffer.concat(new Array(count).fill(bytes(10, Buffer.alloc(2 ** 16))));
  await read(t, model(bytes(7, notes(900))));
  await assert.rejects(
    read(t, model(bytes(7, notes(1050)))),
    invalid(/more than 67108864 bytes besides the weights/),
  );
});

const relu = (input: string, output: string) => ({ operator: 'Relu', inputs: [input], outputs: [output] });
const one = tensorSpec('w', ['float32', [1], [1]]);
const LINKS: [string, GraphSpec, RegExp][] = [
  ['a node that takes its own result', { nodes: [relu('a', 'a')] }, /circles, found one through Relu a/],
  ['a circle of three', { nodes: [relu('c', 'a'), relu('a', 'b'), relu('b', 'c')] }, /circles, found one/],
  ['a value made by two nodes', { nodes: [relu('x', 'a'), relu('x', 'a')] }, /one origin of the value a/],
  [
    'a tensor that a node makes too',
    { tensors: [one], nodes: [relu('x', 'w')] },
    /one origin of the value w/,
  ],
  ['two tensors of one name', { tensors: [one, one] }, /one origin of the value w/],
];
for (const [what, spec, message] of LINKS) {
  test(`refused: ${what}`, async (t) => {
    const found = await read(t, onnx(spec));
    assert.throws(() => new GraphLinks(found), invalid(message));
  });
}

const shape = (name: string, ...dims: number[]) => tensorSpec(name, ['int64', [dims.length], dims]);
const doubled = Array.from(
  { length: 40 },
  (_, i): NodeLine => ['Concat', [`v${i}`, `v${i}`], [`v${i + 1}`], { axis: 0 }],
);
const summed = Array.from({ length: 2000 }, (_, i): NodeLine => ['ReduceSum', ['all'], [`s${i}`], {}]);
const kept = Array.from({ length: 200 }, (_, i): NodeLine => ['Neg', ['all'], [`s${i}`], {}]);
const BOMBS: [string, NodeLine[], RegExp][] = [
  [
    'a sum over 2^50 elements',
    [
      ['ConstantOfShape', ['huge'], ['z'], {}],
      ['ReduceSum', ['z'], ['y'], {}],
    ],
    /shape \[1125899906842624\]/,
  ],
  ['a range to 2^50', [['Range', ['zero', 'far', 'step'], ['y'], {}]], /shape \[1125899906842624\]/],
  ['a tensor joined to itself forty times', doubled, /more than all of its tensors together/],
  ['a tensor repeated 2^40 times', [['Tile', ['v0', 'times'], ['y'], {}]], /more than all of its tensors/],
  [
    'too many elements to look at',
    [['Expand', ['w', 'many'], ['all'], {}], ...summed],
    /67108864 elements to look at/,
  ],
  ['too many elements to keep', [['Expand', ['w', 'many'], ['all'], {}], ...kept], /16777216 elements/],
];
for (const [what, nodes, message] of BOMBS) {
  test(`refused as a constant: ${what}`, async (t) => {
    const scalar = (key: string, value: number) => tensorSpec(key, ['int64', [], [value]]);
    const tensors = [
      one,
      tensorSpec('v0', ['float32', [4], [1, 2, 3, 4]]),
      shape('huge', 2 ** 50),
      shape('many', 2 ** 18),
      shape('times', 2 ** 40),
      scalar('zero', 0),
      scalar('far', 2 ** 50),
      scalar('step', 1),
    ];
    const links = new GraphLinks(await read(t, onnx({ tensors, nodes: nodes.map(nodeSpec) })));
    const constants = await Constants.of(links);
    const computeAll = () => {
      for (const { outputs } of links.sorted) constants.value(outputs[0]!);
    };
    assert.throws(computeAll, invalid(message));
  });
}

test('zeros of 2^50 elements are a constant without a value', async (t) => {
  const spec = {
    tensors: [shape('huge', 2 ** 50)],
    nodes: [nodeSpec(['ConstantOfShape', ['huge'], ['z'], {}])],
  };
  const constants = await Constants.of(new GraphLinks(await read(t, onnx(spec))));
  assert.equal(constants.isConstant('z'), true);
  assert.equal(constants.value('z'), undefined);
  assert.equal(constants.weight('z'), undefined);
});

test('weights outside the model’s folder are not read, by a path or by a link', async (t) => {
  const outside = join(await emptyFolder(t), 'secret.bin');
  await writeFile(outside, new Uint8Array(16));
  const folder = await emptyFolder(t);
  await symlink(outside, join(folder, 'link.bin'));
  for (const location of [outside, '../secret.bin', 'link.bin', 'missing.bin', '.']) {
    const tensors = [{ name: 'w', type: 'float32' as const, dims: [4], external: { location } }];
    await writeFile(join(folder, 'model.onnx'), onnx({ tensors }));
    const links = new GraphLinks(await readOnnx(join(folder, 'model.onnx')));
    await assert.rejects(Constants.of(links), invalid(/expected its weights inside|are missing/));
  }
});

test('local functions without end are refused', async (t) => {
  const caller = (name: string, ...called: string[]) => {
    const calls = called.map((operator, i) =>
      bytes(7, node({ operator, domain: 'f', inputs: ['x'], outputs: [i === 0 ? 'y' : `y${i}`] })),
    );
    return bytes(25, Buffer.concat([bytes(1, name), bytes(10, 'f'), bytes(4, 'x'), bytes(5, 'y'), ...calls]));
  };
  const call = bytes(7, graph({ nodes: [{ operator: 'A', domain: 'f', inputs: ['x'], outputs: ['y'] }] }));
  const itself = model(call, caller('A', 'B'), caller('B', 'A'));
  await assert.rejects(read(t, itself), invalid(/call each other 64 deep/));
  const ten = (name: string) => new Array(10).fill(name);
  const names = ['A', 'B', 'C', 'D', 'E', 'F', 'G'];
  const bomb = names.slice(0, -1).map((name, i) => caller(name, ...ten(names[i + 1]!)));
  await assert.rejects(read(t, model(call, ...bomb, caller('G'))), invalid(/to at most 200000 nodes/));
});

test('a shape of 9 axes, or as many axes as bytes, is no constant that is computed', async (t) => {
  const spec = {
    tensors: [
      tensorSpec('w', ['float32', new Array(9).fill(1), [1]]),
      one,
      shape('axes', ...new Array(4000).fill(0)),
    ],
    nodes: [
      nodeSpec(['Neg', ['w'], ['a'], {}]),
      nodeSpec(['Unsqueeze', ['one', 'axes'], ['b'], {}]),
      {
        operator: 'Neg',
        inputs: ['w'],
        outputs: ['c'],
        fields: [attribute('axes', 7, bytes(8, Buffer.alloc(4000)))],
      },
    ],
  };
  spec.tensors[1] = { ...one, name: 'one' };
  const constants = await Constants.of(new GraphLinks(await read(t, onnx(spec))));
  for (const name of ['w', 'a', 'b', 'c']) assert.equal(constants.value(name), undefined);
});
