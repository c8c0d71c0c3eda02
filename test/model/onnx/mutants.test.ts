import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ClipError } from '../../../src/errors.ts';
import { establishTower } from '../../../src/model/contract.ts';
import { Constants } from '../../../src/model/onnx/constants/constants.ts';
import { GraphLinks } from '../../../src/model/onnx/links.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';
import type { OnnxModel } from '../../../src/model/onnx/types.ts';
import { attribute, bytes, imageTower, node, number, onnx, textTower } from '../onnx-writer.ts';
import { constantModel, type Golden, nodeSpec, tensorSpec, toBytes } from './golden-model.ts';
import { readMutants } from './mutate.ts';

const COUNT = 10_000;
/** Far more than a file of some kilobytes needs, and far less than one that makes the reader allocate what it states. */
const MOST_BYTES = 400 * 2 ** 20;

const golden = JSON.parse(
  readFileSync(new URL('goldens/constants.json', import.meta.url), 'utf8'),
) as Golden[];

/** Everything that a file may hold and the other seeds do not: functions, nested graphs, external and typed elements. */
function rich(): Buffer {
  const weights = { location: 'w.bin', offset: '16', length: '96' };
  const body = {
    tensors: [tensorSpec('inner', ['int64', [2], [3, 4]])],
    nodes: [{ operator: 'Erf', inputs: ['t'], outputs: ['u'] }],
  };
  const doubled = [
    bytes(1, 'Double'),
    bytes(10, 'local'),
    bytes(4, 'x'),
    bytes(5, 'y'),
    bytes(7, node({ operator: 'Add', inputs: ['x', 'x'], outputs: ['y'] })),
    bytes(9, number(2, 17)),
  ];
  return onnx(
    {
      inputs: [{ name: 'input_ids', type: 'int64', dims: ['n', 77] }],
      outputs: [{ name: 'text_embeds', type: 'float32', dims: ['n', 4] }],
      tensors: [
        { name: 'e', type: 'float32', dims: [6, 4], external: weights },
        { name: 'h', type: 'float16', dims: [4], fields: [bytes(5, Buffer.from([1, 2, 3, 4]))] },
        { name: 'f', type: 'float32', dims: [2], floats: [1.702, 2] },
        { name: 'i', type: 'int64', dims: [2], fields: [bytes(7, Buffer.from([1, 4]))] },
      ],
      nodes: [
        { operator: 'Gather', inputs: ['e', 'input_ids'], outputs: ['g'] },
        { operator: 'If', inputs: ['c'], outputs: ['t'], body },
        nodeSpec(['Transpose', ['e'], ['et'], { perm: [1, 0] }]),
        nodeSpec(['Reshape', ['h', 'i'], ['hr'], {}]),
        nodeSpec(['Concat', ['et', 'et'], ['cc'], { axis: 1 }]),
        { operator: 'Double', domain: 'local', inputs: ['cc'], outputs: ['dd'] },
        {
          operator: 'Constant',
          inputs: [],
          outputs: ['k'],
          fields: [attribute('value_int', 2, number(3, 5))],
        },
        { operator: 'MatMul', inputs: ['g', 'dd'], outputs: ['text_embeds'] },
      ],
      fields: [bytes(13, bytes(1, 'g'))],
    },
    17,
    [bytes(25, Buffer.concat(doubled)), bytes(14, Buffer.concat([bytes(1, 'key'), bytes(2, 'value')]))],
  );
}

/** All that is done with a file before it is recognised; goes on after a refusal, and throws the first. */
async function readAll(path: string): Promise<void> {
  const model = await readOnnx(path);
  const refusals: unknown[] = [];
  const tried = async (stage: () => Promise<unknown>) => {
    await stage().catch((error: unknown) => {
      if (!(error instanceof ClipError)) throw error;
      refusals.push(error);
    });
  };
  await tried(() => establishTower(model, 'text', {}));
  await tried(() => establishTower(model, 'image', { resolution: 32 }));
  await tried(() => readConstants(model));
  if (refusals.length === 3) throw refusals[0];
}

async function readConstants(model: OnnxModel): Promise<void> {
  const constants = await Constants.of(new GraphLinks(model));
  const names = [...model.tensors.map(({ name }) => name), ...model.nodes.flatMap(({ outputs }) => outputs)];
  for (const name of names) {
    constants.value(name);
    await constants.weight(name)?.read();
  }
}

test('10,000 changed files are read or refused as invalid, soon and in little memory', async () => {
  const seeds = [
    rich(),
    textTower(),
    rich(),
    imageTower({ tensors: [tensorSpec('w', ['float32', [8], [1, 2, 3, 4, 5, 6, 7, 8]])] }),
    ...golden.map(constantModel),
  ];
  const beside = {
    'w.bin': toBytes(
      'float32',
      Array.from({ length: 28 }, (_, i) => i),
    ),
  };
  let peak = 0;
  const before = process.memoryUsage.rss();
  const read = async (path: string) => {
    await readAll(path).finally(() => {
      peak = Math.max(peak, process.memoryUsage.rss() - before);
    });
  };
  const refused = await readMutants({ seeds, beside, count: COUNT, read });
  assert.ok(refused > COUNT / 10 && refused < COUNT * 0.9, `${refused} of ${COUNT} were refused`);
  assert.ok(peak < MOST_BYTES, `memory grew by ${peak} bytes`);
});
