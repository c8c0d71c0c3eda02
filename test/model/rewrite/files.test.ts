import assert from 'node:assert/strict';
import { readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ClipError } from '../../../src/errors.ts';
import type { Weight } from '../../../src/model/architecture/architecture.ts';
import { rewriteTower } from '../../../src/model/rewrite/rewrite.ts';
import { textArchitecture, visionArchitecture } from './architectures.ts';
import { assertEqual, emptyFolder, originals, PLAIN, pixels, rewrite, run } from './towers.ts';

const HEADS = 2;
const never = new AbortController().signal;
const isFault = (code: string, pattern: RegExp) => (error: unknown) =>
  error instanceof ClipError && error.code === code && pattern.test(error.message);

function changed(weight: Weight, at: number, value: number): Weight {
  const { dims, type } = weight;
  return { dims, type, read: async () => (await weight.read()).map((x, i) => (i === at ? value : x)) };
}

test('weights stay where they lie, in the original or in its data file', async () => {
  for (const external of [false, true]) {
    const folder = await originals('tiny', { external });
    const tower = await visionArchitecture(folder, HEADS);
    const { path, bytes } = await rewrite(tower, folder);
    const [graph, data] = [await stat(path), await stat(`${path}.data`)];
    assert.ok(graph.size + data.size < bytes / 2, `${graph.size} + ${data.size} of ${bytes} bytes are new`);
    const feeds = { pixel_values: pixels(2, 32) };
    assertEqual(await run(path, feeds), await run(join(folder, 'visual.onnx'), feeds));
    const moved = `${folder}-moved`;
    await rename(folder, moved);
    assertEqual(await run(path.replace(folder, moved), feeds), await run(join(moved, 'visual.onnx'), feeds));
    await rename(moved, folder);
  }
});

test('a target elsewhere takes all weights along', async () => {
  const folder = await originals('tiny');
  const feeds = { pixel_values: pixels(2, 32) };
  const expected = await run(join(folder, 'visual.onnx'), feeds);
  const elsewhere = await emptyFolder();
  const { path } = await rewrite(await visionArchitecture(folder, HEADS), elsewhere);
  await rename(join(folder, 'visual.onnx'), join(folder, 'gone.onnx'));
  assertEqual(await run(path, feeds), expected);
});

test('equal arguments give equal bytes, and nothing else is left', async () => {
  const folder = await originals('tiny');
  const tower = await textArchitecture(folder, HEADS);
  const target = join(folder, 'new.onnx');
  const write = async () => {
    await rewriteTower(tower, { ...PLAIN, precision: 'fp16' }, target, never);
    return Promise.all([readFile(target), readFile(`${target}.data`)]);
  };
  const first = await write();
  assert.deepEqual(await write(), first);
  assert.deepEqual((await readdir(folder)).sort(), [
    'new.onnx',
    'new.onnx.data',
    'textual.onnx',
    'visual.onnx',
  ]);
});

test('an aborted signal leaves no file', async () => {
  const folder = await originals('tiny');
  const tower = await textArchitecture(folder, HEADS);
  const target = join(await emptyFolder(), 'new.onnx');
  const aborted = AbortSignal.abort(new ClipError('draining', 'the server stops'));
  await assert.rejects(rewriteTower(tower, PLAIN, target, aborted), isFault('draining', /stops/));
  const controller = new AbortController();
  const midway: Weight = {
    ...tower.finalNorm.scale,
    read: () => {
      controller.abort(new ClipError('draining', 'midway'));
      return tower.finalNorm.scale.read();
    },
  };
  const late = { ...tower, finalNorm: { ...tower.finalNorm, scale: midway } };
  await assert.rejects(rewriteTower(late, PLAIN, target, controller.signal), isFault('draining', /midway/));
  assert.deepEqual(await readdir(join(target, '..')), []);
});

test('a folder that cannot be written to is named', async () => {
  const folder = await originals('tiny');
  const tower = await textArchitecture(folder, HEADS);
  for (const target of [join(folder, 'missing', 'new.onnx'), join(folder, 'textual.onnx', 'new.onnx')]) {
    await assert.rejects(
      rewriteTower(tower, PLAIN, target, never),
      isFault('model_unavailable', /cannot be written to .*new\.onnx: (ENOENT|ENOTDIR)/),
    );
  }
});

test('a number that the precision cannot hold is an error that names the weight', async () => {
  const folder = await originals('tiny');
  const tower = await textArchitecture(folder, HEADS);
  const { transformer } = tower;
  const withWeight = (value: number) => {
    const block = transformer.blocks[0]!;
    const mlpInput = { ...block.mlpInput, weight: changed(block.mlpInput.weight, 5, value) };
    return {
      ...tower,
      transformer: { ...transformer, blocks: [{ ...block, mlpInput }, transformer.blocks[1]!] },
    };
  };
  await rewrite(withWeight(65_504), folder, { precision: 'fp16' });
  await assert.rejects(
    rewrite(withWeight(-70_000), folder, { precision: 'fp16' }),
    isFault(
      'model_invalid',
      /blocks\.0\.mlpInput\.weight: .*float16.* -70000 at element 5; choose fp32 or bf16/,
    ),
  );
  await rewrite(withWeight(70_000), folder, { precision: 'bf16' });
  for (const precision of ['fp32', 'bf16'] as const) {
    await assert.rejects(
      rewrite(withWeight(Number.NaN), folder, { precision }),
      isFault('model_invalid', /blocks\.0\.mlpInput\.weight: .* NaN at element 5$/),
    );
  }
});
