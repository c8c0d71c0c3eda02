import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Constants } from '../../../src/model/onnx/constants/constants.ts';
import { GraphLinks } from '../../../src/model/onnx/links.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';
import type { OnnxModel } from '../../../src/model/onnx/types.ts';
import { emptyFolder } from '../folder.ts';
import { attribute, bytes, type GraphSpec, type NodeSpec, node, number, onnx } from '../onnx-writer.ts';
import { nodeSpec, tensorSpec } from './golden-model.ts';

interface FunctionSpec {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly NodeSpec[];
  /** Encoded attributes that a call may leave out. */
  readonly defaults?: readonly Buffer[];
  readonly opset?: number;
  readonly overload?: string;
}

/** A FunctionProto of the domain `local`. */
function encode({ name, inputs, outputs, nodes, defaults = [], opset = 17, overload }: FunctionSpec): Buffer {
  return bytes(
    25,
    Buffer.concat([
      bytes(1, name),
      ...inputs.map((input) => bytes(4, input)),
      ...outputs.map((output) => bytes(5, output)),
      ...nodes.map((inner) => bytes(7, node(inner))),
      bytes(9, number(2, opset)),
      bytes(10, 'local'),
      ...defaults.map((field) => bytes(11, field.subarray(2))),
      ...(overload ? [bytes(13, overload)] : []),
    ]),
  );
}

async function read(t: TestContext, spec: GraphSpec, ...functions: FunctionSpec[]): Promise<OnnxModel> {
  const path = join(await emptyFolder(t), 'model.onnx');
  await writeFile(path, onnx(spec, 17, functions.map(encode)));
  return readOnnx(path);
}

const call = (operator: string, inputs: string[], outputs: string[], ...fields: Buffer[]): NodeSpec => ({
  operator,
  domain: 'local',
  inputs,
  outputs,
  fields,
});
/** An attribute whose value is the calling node's attribute of that name. */
const passedOn = (name: string, from: string) =>
  bytes(5, Buffer.concat([bytes(1, name), bytes(21, from), number(20, 2)]));
const plus: NodeSpec = { operator: 'Add', inputs: ['x', 'x'], outputs: ['y'] };

async function computed(model: OnnxModel, name: string): Promise<number[]> {
  const constants = await Constants.of(new GraphLinks(model));
  return Array.from(constants.value(name)!.values);
}

test('functions stand in place of their calls, however often and deep they are called', async (t) => {
  const four: FunctionSpec = {
    name: 'Four',
    inputs: ['a'],
    outputs: ['b'],
    nodes: [call('Two', ['a'], ['m']), call('Two', ['m'], ['b'])],
  };
  // The same name inside both functions.
  const twice = [nodeSpec(['Add', ['x', 'x'], ['m'], {}]), nodeSpec(['Abs', ['m'], ['y'], {}])];
  const model = await read(
    t,
    {
      tensors: [tensorSpec('y', ['float32', [], [3]])],
      nodes: [call('Four', ['y'], ['p']), call('Four', ['p'], ['q'])],
    },
    four,
    { name: 'Two', inputs: ['x'], outputs: ['y'], nodes: twice },
  );
  assert.deepEqual(
    model.nodes.map(({ operator, domain }) => operator + domain),
    ['Add', 'Abs', 'Add', 'Abs', 'Add', 'Abs', 'Add', 'Abs'],
  );
  assert.deepEqual(await computed(model, 'q'), [48]);
});

test('attributes come from the call, else from the function, else are left out', async (t) => {
  const picked: FunctionSpec = {
    name: 'Concat2',
    inputs: ['x'],
    outputs: ['y'],
    nodes: [
      { operator: 'Concat', inputs: ['x', 'x'], outputs: ['c'], fields: [passedOn('axis', 'along')] },
      { operator: 'Transpose', inputs: ['c'], outputs: ['y'], fields: [passedOn('perm', 'order')] },
    ],
    defaults: [attribute('along', 2, number(3, 0))],
  };
  const model = await read(
    t,
    {
      tensors: [tensorSpec('w', ['float32', [1, 2], [1, 2]])],
      nodes: [
        call('Concat2', ['w'], ['a']),
        call('Concat2', ['w'], ['b'], attribute('along', 2, number(3, 1))),
        call('Concat2', ['w'], ['c'], attribute('order', 7, number(8, 0), number(8, 1))),
      ],
    },
    picked,
  );
  assert.deepEqual(await computed(model, 'a'), [1, 1, 2, 2]);
  assert.deepEqual(await computed(model, 'b'), [1, 2, 1, 2]);
  assert.deepEqual(await computed(model, 'c'), [1, 2, 1, 2]);
  assert.deepEqual(
    model.nodes.map(({ attributes }) => [...attributes.keys()]),
    [['axis'], [], ['axis'], [], ['axis'], ['perm']],
  );
});

test('constants, inputs left out, outputs passed on and outputs nobody takes', async (t) => {
  const model = await read(
    t,
    {
      tensors: [tensorSpec('w', ['float32', [], [5]])],
      nodes: [call('Odd', ['w'], ['a', 'b', ''])],
    },
    {
      name: 'Odd',
      inputs: ['x', 'left'],
      outputs: ['x', 'sum', 'extra'],
      nodes: [
        { operator: 'Constant', inputs: [], outputs: ['k'], value: tensorSpec('', ['float32', [], [2]]) },
        nodeSpec(['Add', ['x', 'k'], ['sum'], {}]),
        nodeSpec(['Clip', ['sum', 'left'], ['extra'], {}]),
      ],
    },
  );
  assert.deepEqual(await computed(model, 'a'), [5]);
  assert.deepEqual(await computed(model, 'b'), [7]);
  const clip = model.nodes.find(({ operator }) => operator === 'Clip')!;
  assert.deepEqual(clip.inputs, ['b', '']);
  assert.ok(clip.outputs[0]);
});

test('graphs inside a function see its values by their new names', async (t) => {
  const model = await read(
    t,
    { nodes: [call('Branch', ['v'], ['w'])] },
    {
      name: 'Branch',
      inputs: ['x'],
      outputs: ['y'],
      nodes: [
        {
          operator: 'If',
          inputs: ['x'],
          outputs: ['y'],
          body: {
            nodes: [{ operator: 'Neg', inputs: ['x'], outputs: ['z'] }],
            outputs: [{ name: 'z', type: 'float32' }],
          },
        },
      ],
    },
  );
  const held = model.nodes[0]!.attributes.get('body')!;
  assert.ok(held.kind === 'graph');
  assert.deepEqual(held.value.nodes[0]!.inputs, ['v']);
  assert.equal(held.value.nodes[0]!.outputs[0], held.value.outputs[0]!.name);
});

test('a function for another operator set is refused by name where it is called', async (t) => {
  const old: FunctionSpec = { name: 'Two', inputs: ['x'], outputs: ['y'], nodes: [plus], opset: 13 };
  const called = { nodes: [call('Two', ['a'], ['b'])] };
  await assert.rejects(
    read(t, called, old),
    /uses local functions: expected local:Two.* version 17 .* found version 13/,
  );
  assert.equal((await read(t, {}, old)).nodes.length, 0);
});

test('of functions with one name the overload decides', async (t) => {
  const two: FunctionSpec = { name: 'F', inputs: ['x'], outputs: ['y'], nodes: [plus], overload: 'two' };
  const minus: FunctionSpec = {
    name: 'F',
    inputs: ['x'],
    outputs: ['y'],
    nodes: [nodeSpec(['Neg', ['x'], ['y'], {}])],
  };
  const nodes = [call('F', ['a'], ['b']), call('F', ['b'], ['c'], bytes(8, 'two'))];
  const model = await read(t, { nodes }, two, minus);
  assert.deepEqual(
    model.nodes.map(({ operator }) => operator),
    ['Neg', 'Add'],
  );
});
