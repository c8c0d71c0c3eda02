import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { inspect } from '../../src/cli/inspect.ts';
import { ConfigError } from '../../src/config/config.ts';
import { emptyFolder, folderWith } from '../model/folder.ts';
import { imageTower, onnx, textTower } from '../model/onnx-writer.ts';
import { testModel } from '../models/test-model.ts';

const RESNET = resolve(import.meta.dirname, '../model/fixtures/resnet-torch1-opset11.onnx');
const LAUNCH = resolve(import.meta.dirname, '../../dist/cli/launch.cjs');

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command in this process, with an empty cache unless told, and ends as `cli` ends it. */
async function run(t: TestContext, args: string[], cache?: string): Promise<Result> {
  const before = process.env.CLIP_SERVER_CACHE;
  process.env.CLIP_SERVER_CACHE = cache ?? (await emptyFolder(t));
  const lines: Record<'log' | 'error', string[]> = { log: [], error: [] };
  const stands = (['log', 'error'] as const).map((name) =>
    t.mock.method(console, name, (line: string) => void lines[name].push(line)),
  );
  const result = (code: number): Result => ({ code, out: lines.log.join('\n'), err: lines.error.join('\n') });
  try {
    return result(await inspect(args));
  } catch (error) {
    lines.error.push((error as Error).message);
    return result(error instanceof ConfigError ? 2 : 1);
  } finally {
    for (const { mock } of stands) mock.restore();
    if (before === undefined) delete process.env.CLIP_SERVER_CACHE;
    else process.env.CLIP_SERVER_CACHE = before;
  }
}

test('both towers of a folder, as JSON', async (t) => {
  const folder = await testModel('tiny', {
    activation: 'gelu',
    normalised: true,
    ids: 'int64',
    external: true,
  });
  const { code, out } = await run(t, [folder, '--json']);
  assert.equal(code, 0);
  const [textual, visual] = JSON.parse(out);
  assert.deepEqual(textual.tower, {
    family: 'text',
    outputWidth: 32,
    normalised: true,
    precision: 'fp32',
    layers: 2,
    width: 16,
    heads: 2,
    activation: 'gelu',
    context: 77,
    vocabulary: 49408,
    endToken: 'largest id',
  });
  assert.deepEqual(visual.tower, {
    family: 'vit',
    outputWidth: 32,
    normalised: true,
    precision: 'fp32',
    layers: 2,
    width: 32,
    heads: 2,
    activation: 'gelu',
    resolution: 32,
    patch: 8,
  });
  assert.deepEqual(textual.inputs, [{ name: 'input_ids', type: 'int64', dims: ['batch', 77] }]);
  assert.deepEqual(textual.externalFiles, ['textual.onnx.data']);
  assert.deepEqual(textual.parameterTypes, ['float32']);
  assert.ok(textual.parameters > 49408 * 16 && textual.parameterBytes === 4 * textual.parameters);
  assert.match(textual.serving, /^rewritten at the first start/);
});

test('what a model.json says stands on the pages of both towers', async (t) => {
  const folder = await folderWith(t, {
    'textual.onnx': textTower(),
    'visual.onnx': imageTower(),
    'model.json': '{"logit_scale": 33.1, "matryoshka_dimensions": [64, 128]}',
  });
  for (const target of [folder, join(folder, 'visual.onnx')]) {
    const { code, out } = await run(t, [target]);
    assert.equal(code, 0);
    assert.match(out, /^ {2}logit scale +33\.1, as model\.json says$/m);
    assert.match(out, /^ {2}also cut to +64, 128 components$/m);
  }
  const { out } = await run(t, [folder, '--json']);
  const traits = { logitScale: 33.1, matryoshkaDimensions: [64, 128] };
  assert.deepEqual(
    JSON.parse(out).map((row: { traits: unknown }) => row.traits),
    [traits, traits],
  );
});

test('a page about one file', async (t) => {
  const { code, out } = await run(t, [RESNET]);
  assert.equal(code, 0);
  assert.equal(out.split('\n')[0], RESNET);
  assert.match(out, /^ {2}tower +image, ResNet$/m);
  assert.match(out, /^ {2}layers +2 \+ 1 \+ 1 \+ 1, attention pooling with 2 heads$/m);
  assert.match(out, /^ {2}pictures +64×64 pixels$/m);
  assert.match(out, /^ {2}vectors +20 components, not normalised$/m);
  assert.match(out, /^ {2}input +pixel_values float32\[batch_size, 3, 64, 64\]$/m);
  assert.match(out, /^ {2}external data +none$/m);
  assert.match(out, /^ {2}operators +\d+: .*Conv/m);
});

test('a tower of another structure is served as it is, and the page says why', async (t) => {
  const folder = await testModel('tiny', { flaw: 'no mask' });
  const { code, out } = await run(t, [join(folder, 'textual.onnx')]);
  assert.equal(code, 0);
  assert.match(out, /^ {2}serving +as it is, for its structure is not recognised: .+/m);
});

test('a graph of another kind is described, with the reason why it cannot be served', async (t) => {
  const nodes = [{ operator: 'Relu', inputs: ['x'], outputs: ['y'] }];
  const foreign = onnx({
    inputs: [{ name: 'x', type: 'float32', dims: ['n'] }],
    outputs: [{ name: 'y', type: 'float32', dims: ['n'] }],
    nodes,
  });
  const folder = await folderWith(t, { 'foreign.onnx': foreign });
  const { code, out } = await run(t, [join(folder, 'foreign.onnx')]);
  assert.equal(code, 0);
  assert.match(out, /^ {2}input +x float32\[n\]$/m);
  assert.match(out, /^ {2}operators +1: 1 Relu$/m);
  assert.match(out, /^ {2}serving +no, it is not a CLIP tower .*no input is of ids/m);
});

test('the preprocessing file beside one tower settles its side, in every layout', async (t) => {
  const sides = { inputs: [{ name: 'pixels', type: 'float32', dims: ['n', 3, 'h', 'w'] }] } as const;
  const recipe = {
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711],
    resample: 3,
    do_center_crop: true,
    crop_size: 224,
  };
  const folder = await folderWith(t, {
    'onnx/vision_model.onnx': imageTower(sides),
    'preprocessor_config.json': JSON.stringify(recipe),
  });
  const file = join(folder, 'onnx/vision_model.onnx');
  assert.match((await run(t, [file])).out, /serving +as it is/);
  await rm(join(folder, 'preprocessor_config.json'));
  assert.match((await run(t, [file])).out, /serving +no, .*expected height and width as numbers/);
});

test('a model by name is read from the cache, and never fetched', async (t) => {
  const tower = { 'RN50/textual.onnx': textTower() };
  const half = await run(t, ['RN50'], await folderWith(t, tower));
  assert.equal(half.code, 1);
  assert.match(
    half.err,
    /RN50::openai: visual\.onnx not in the cache .*"clip-server pull RN50::openai" fetches it/,
  );
  const whole = await run(t, ['RN50'], await folderWith(t, { ...tower, 'RN50/visual.onnx': imageTower() }));
  assert.equal(whole.code, 0);
  assert.match(whole.out, /RN50\/textual\.onnx\n.*RN50\/visual\.onnx\n/s);
});

test('1 for a file that is no model, 2 for a command line that is wrong', async (t) => {
  const weights = { name: 'w', type: 'float32', dims: [4], external: { location: 'gone.bin' } } as const;
  const folder = await folderWith(t, {
    'page.onnx': '<html>',
    'visual.onnx': imageTower({ tensors: [weights] }),
  });
  const page = await run(t, [join(folder, 'page.onnx')]);
  assert.deepEqual([page.code, page.out], [1, '']);
  assert.match(page.err, /page\.onnx: expected an ONNX model, found a web page/);
  assert.match((await run(t, [join(folder, 'visual.onnx')])).err, /gone\.bin are missing/);
  const faults: [string[], RegExp][] = [
    [[], /Usage: clip-server inspect/],
    [[folder, folder], /Usage: clip-server inspect/],
    [[folder], /only one of the two towers/],
    [['--yaml', folder], /--yaml.*inspect --help/],
    [['RN51'], /did you mean RN50::openai/],
    [[join(folder, 'absent.onnx')], /absent\.onnx: expected an ONNX file or a folder/],
  ];
  for (const [args, message] of faults) {
    const { code, err } = await run(t, args);
    assert.equal(code, 2, args.join(' '));
    assert.match(err, message);
  }
});

test('the command is one of the program', async () => {
  const child = execFile(process.execPath, [LAUNCH, 'inspect', '/nowhere/model.onnx']);
  const [err, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
  assert.equal(code, 2);
  assert.match(err, /^clip-server: \/nowhere\/model\.onnx: expected an ONNX file/);
});
