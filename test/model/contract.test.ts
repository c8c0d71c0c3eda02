import assert from 'node:assert/strict';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { folderWith, prepare, prepareFolder } from './folder.ts';
import { type GraphSpec, imageTower, type NodeSpec, textTower, type ValueSpec } from './onnx-writer.ts';

const ids = (type: ValueSpec['type'], dims: ValueSpec['dims']): ValueSpec => ({
  name: 'text',
  type,
  ...(dims && { dims }),
});
const pixels = (type: ValueSpec['type'], dims: ValueSpec['dims']): ValueSpec => ({
  name: 'image',
  type,
  ...(dims && { dims }),
});
const vector = (name: string, dims?: ValueSpec['dims'], type: ValueSpec['type'] = 'float32'): ValueSpec => ({
  name,
  type,
  ...(dims && { dims }),
});

test('the published files’ shape', async (t) => {
  const folder = await folderWith(t, { 'textual.onnx': textTower(), 'visual.onnx': imageTower() });
  const { contract, warnings } = await prepareFolder(folder, 'ViT-B/32');
  assert.deepEqual(warnings, []);
  assert.deepEqual(contract, {
    name: basename(folder),
    text: {
      tower: 'text',
      path: join(folder, 'textual.onnx'),
      input: { name: 'input_ids', type: 'int32' },
      mask: { name: 'attention_mask', type: 'int32' },
      contextLength: 77,
      output: { name: 'output', type: 'float32' },
      width: 512,
      bytes: 0,
      externalData: false,
    },
    image: {
      tower: 'image',
      path: join(folder, 'visual.onnx'),
      input: { name: 'pixel_values', type: 'float32' },
      layout: 'nchw',
      resolution: 224,
      output: { name: 'output', type: 'float32' },
      width: 512,
      bytes: 0,
      externalData: false,
    },
  });
});

test('Hugging Face’s split graphs: int64 ids, every axis open, several outputs', async (t) => {
  const { contract } = await prepare(
    t,
    {
      'textual.onnx': textTower({
        inputs: [{ name: 'input_ids', type: 'int64', dims: ['batch_size', 'sequence_length'] }],
        outputs: [
          vector('last_hidden_state', ['b', 's', 512]),
          vector('text_embeds', ['b', 512]),
          vector('pooler_output', ['b', 512]),
        ],
      }),
      'visual.onnx': imageTower({
        inputs: [
          { name: 'pixel_values', type: 'float32', dims: ['batch_size', 'num_channels', 'height', 'width'] },
        ],
        outputs: [vector('pooler_output', ['b', 768]), vector('image_embeds', ['b', 512])],
      }),
    },
    'openai/clip-vit-base-patch32',
  );
  assert.deepEqual(contract.text.input, { name: 'input_ids', type: 'int64' });
  assert.equal(contract.text.mask, undefined);
  assert.equal(contract.text.contextLength, 77);
  assert.equal(contract.text.output.name, 'text_embeds');
  assert.equal(contract.image.output.name, 'image_embeds');
  assert.equal(contract.image.resolution, 224);
});

test('fixed batch, float16 and uint8 rows-last pixels', async (t) => {
  const half = await prepare(t, {
    'textual.onnx': textTower({
      inputs: [ids('int32', [1, 77])],
      outputs: [vector('embedding', [1, 64], 'float16')],
    }),
    'visual.onnx': imageTower({
      inputs: [pixels('float16', [8, 3, 96, 96])],
      outputs: [vector('embedding', [8, 'width'], 'float16')],
    }),
  });
  assert.equal(half.contract.text.fixedBatch, 1);
  assert.deepEqual(half.contract.text.output, { name: 'embedding', type: 'float16' });
  assert.equal(half.contract.image.fixedBatch, 8);
  assert.equal(half.contract.image.input.type, 'float16');
  assert.equal(half.contract.image.width, undefined);

  const raw = await prepare(t, {
    'visual.onnx': imageTower({ inputs: [pixels('uint8', ['n', 64, 64, 3])] }),
  });
  assert.equal(raw.contract.image.layout, 'nhwc');
  assert.equal(raw.contract.image.resolution, 64);
  assert.equal(raw.contract.image.fixedBatch, undefined);
});

const REFUSED_TEXT: [string, GraphSpec, RegExp][] = [
  [
    'float ids',
    { inputs: [ids('float32', ['n', 77])] },
    /int32 or int64 ids.*found inputs text float32\[n, 77\]/,
  ],
  [
    'ids without a shape',
    { inputs: [ids('int64', undefined)] },
    /found inputs text int64\[shape not stated\]/,
  ],
  [
    'a third input',
    { inputs: [ids('int64', ['n', 77]), vector('positions', ['n', 77], 'int64')] },
    /positions int64/,
  ],
  ['no input', { inputs: [] }, /found inputs none/],
  [
    'context 64 without a tokenizer',
    { inputs: [ids('int64', ['n', 64])] },
    /ids of 77 columns, or a tokenizer.json/,
  ],
  [
    'a float mask',
    { inputs: [ids('int64', ['n', 77]), vector('attention_mask', ['n', 77])] },
    /attention_mask of int32/,
  ],
  [
    'a shorter mask',
    { inputs: [ids('int64', ['n', 77]), vector('attention_mask', ['n', 76], 'int64')] },
    /shaped like the ids/,
  ],
  ['no rows', { inputs: [ids('int64', [0, 77])] }, /at least one row/],
  [
    'two nameless outputs',
    { outputs: [vector('a', ['n', 8]), vector('b', ['n', 8])] },
    /found inputs .* outputs a float32\[n, 8\]; b/,
  ],
  [
    'whole-number vectors',
    { outputs: [vector('output', ['n', 8], 'int32')] },
    /one output of float32 or float16/,
  ],
  ['rank 3', { outputs: [vector('last_hidden_state', ['n', 77, 512])] }, /one output/],
];
for (const [what, change, expected] of REFUSED_TEXT) {
  test(`text tower refused: ${what}`, async (t) => {
    await assert.rejects(
      prepare(t, { 'textual.onnx': textTower(change) }),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'model_invalid');
        assert.match(error.message, expected);
        assert.match(error.message, /textual\.onnx/);
        return true;
      },
    );
  });
}

const REFUSED_IMAGE: [string, GraphSpec, RegExp][] = [
  [
    'float pixels, channels last',
    { inputs: [pixels('float32', ['n', 224, 224, 3])] },
    /float32 or float16 \[rows, 3, R, R\]/,
  ],
  ['uint8, channels first', { inputs: [pixels('uint8', ['n', 3, 224, 224])] }, /uint8 \[rows, R, R, 3\]/],
  ['not square', { inputs: [pixels('float32', ['n', 3, 224, 336])] }, /square/],
  ['one open side', { inputs: [pixels('float32', ['n', 3, 224, 'w'])] }, /square/],
  [
    'open sides without a known name',
    { inputs: [pixels('float32', ['n', 3, 'h', 'w'])] },
    /height and width as numbers/,
  ],
  ['rank 3', { inputs: [pixels('float32', [3, 224, 224])] }, /found inputs image float32\[3, 224, 224\]/],
  ['double precision', { inputs: [pixels('float64', ['n', 3, 224, 224])] }, /float64/],
  [
    'both towers in one graph',
    { inputs: [pixels('float32', ['n', 3, 224, 224]), ids('int64', ['n', 77])] },
    /text int64/,
  ],
];
for (const [what, change, expected] of REFUSED_IMAGE) {
  test(`image tower refused: ${what}`, async (t) => {
    await assert.rejects(prepare(t, { 'visual.onnx': imageTower(change) }), expected);
  });
}

test('towers of different widths do not belong together', async (t) => {
  const visual = imageTower({ outputs: [vector('output', ['n', 768])] });
  await assert.rejects(
    prepare(t, { 'visual.onnx': visual }),
    /textual.onnx gives 512 components, .*visual.onnx gives 768/,
  );
});

test('a folder that contradicts its model’s name is served with a warning', async (t) => {
  const { warnings, contract } = await prepare(t, {}, 'ViT-L/14@336px');
  assert.equal(contract.image.resolution, 224);
  assert.equal(warnings.length, 3);
  assert.match(warnings[2]!, /ViT-L-14-336::openai has pictures of side 336, this file has 224/);
});

test('a tokenizer.json allows another context and fills an open one', async (t) => {
  const text = (columns: number | string) => textTower({ inputs: [ids('int64', ['n', columns])] });
  const fixed = await prepare(t, { 'textual.onnx': text(64), 'tokenizer.json': '{}' });
  assert.equal(fixed.contract.text.contextLength, 64);
  assert.equal(basename(fixed.contract.tokenizerFile!), 'tokenizer.json');
  const open = await prepare(t, {
    'textual.onnx': text('s'),
    'tokenizer.json': '{"truncation":{"max_length":52}}',
  });
  assert.equal(open.contract.text.contextLength, 52);
  await assert.rejects(prepare(t, { 'tokenizer.json': '[' }), /tokenizer\.json cannot be read/);
});

/** x · σ(factor x) or, with Erf, plain GELU. */
function activation(kind: 'quick' | 'gelu' | 'constant-node'): GraphSpec {
  const sigmoid: NodeSpec[] = [
    { operator: 'Mul', inputs: ['x', 'c'], outputs: ['m'] },
    { operator: 'Sigmoid', inputs: ['m'], outputs: ['s'] },
  ];
  const c = { name: 'c', type: 'float32' as const, dims: [], floats: [1.702] };
  if (kind === 'quick') return { tensors: [c], nodes: sigmoid };
  if (kind === 'constant-node')
    return { nodes: [{ operator: 'Constant', inputs: [], outputs: ['c'], value: c }, ...sigmoid] };
  return { nodes: [{ operator: 'Erf', inputs: ['x'], outputs: ['y'] }] };
}

test('plain GELU under OpenAI’s name is warned about, QuickGELU is not', async (t) => {
  const files = {
    'textual.onnx': textTower(activation('gelu')),
    'visual.onnx': imageTower(activation('quick')),
  };
  const { warnings } = await prepare(t, files, 'ViT-B/32');
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /textual\.onnx computes plain GELU \(1 times, QuickGELU 0 times\)/);
  assert.deepEqual((await prepare(t, files, 'ViT-B-32::laion2b_e16')).warnings, []);
  const fine = { 'textual.onnx': textTower(activation('constant-node')) };
  assert.deepEqual((await prepare(t, fine, 'ViT-B/32')).warnings, []);
});
