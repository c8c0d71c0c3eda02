import { test } from 'node:test';
import type { ModelEdit } from './model-edit.ts';
import { made } from './model-edit.ts';
import { assertRefused, type Subject } from './recognise-model.ts';

const TEXT: Subject = { preset: 'tiny', tower: 'text' };
const VIT: Subject = { preset: 'tiny', tower: 'image' };
const RESNET: Subject = { preset: 'RN-tiny', tower: 'image' };
const CONTEXT = 77;

/** The causal mask with one number changed, or all. */
function maskOf(change: (row: number, column: number, value: number) => number) {
  return (model: ModelEdit) => {
    const cell = (i: number) => [Math.floor(i / CONTEXT), i % CONTEXT] as const;
    const causal = ([row, column]: readonly [number, number]) => (column > row ? -Infinity : 0);
    const values = Float32Array.from({ length: CONTEXT ** 2 }, (_, i) => change(...cell(i), causal(cell(i))));
    model.setConstant('causal', values);
  };
}

const CASES: readonly (readonly [
  what: string,
  subject: Subject,
  reason: RegExp,
  edit: (model: ModelEdit) => void,
])[] = [
  [
    'another scale in one block',
    TEXT,
    /^block 1, attention: expected scores times 1\/√8 = 0\.35355, found times 0\.30000$/,
    (model) => {
      const scaling = model.nodes('Mul').filter(({ inputs }) => inputs.includes('scale_8'))[1]!;
      model.setInputs(scaling, [scaling.inputs[0]!, model.constant([0.3])]);
    },
  ],
  ['no mask', TEXT, /^block 0, mask: expected a causal mask, found none$/, bypassMasks],
  [
    'a mask that hides nothing',
    TEXT,
    /^block 0, mask: expected a mask that hides the rows behind each, found one that hides none$/,
    maskOf(() => 0),
  ],
  [
    'a mask that lets one row see the next',
    TEXT,
    /^block 0, mask: expected a causal mask, found one that lets some rows see others behind them$/,
    maskOf((row, column, value) => (row === 3 && column === 4 ? 0 : value)),
  ],
  [
    'a mask that hides a row before',
    TEXT,
    /^block 0, mask: expected a causal mask, found one that hides column 2 from row 9$/,
    maskOf((row, column, value) => (row === 9 && column === 2 ? -Infinity : value)),
  ],
  [
    'a mask of moderate numbers',
    TEXT,
    /^block 0, mask: expected a mask of 0 and minus infinity, found -5$/,
    maskOf((_, __, value) => (value === 0 ? 0 : -5)),
  ],
  [
    'a mask on pictures',
    VIT,
    /^block 0, mask: expected no mask, found a mask/,
    (model) =>
      model.insert(model.maker(model.nodes('Softmax')[0]!.inputs[0]!).outputs[0]!, 'Add', [
        model.constant([0]),
      ]),
  ],
  [
    'one operator more after the activation',
    TEXT,
    /^block 1, activation: expected x·σ\(1\.702x\) or GELU, found Tanh "Tanh made", /,
    (model) => model.insert(model.taker('resblocks.1.mlp.c_proj.weight').inputs[0]!, 'Tanh'),
  ],
  [
    'another factor in the activation',
    VIT,
    /^block 1, activation: expected x·σ\(1\.702x\) or GELU, found Mul/,
    (model) => model.setConstant('quick_gelu', Float32Array.of(1.6)),
  ],
  [
    'GELU by its approximation',
    TEXT,
    /^block 1, activation: expected x·σ\(1\.702x\) or GELU, found Gelu/,
    (model) => {
      const hidden = model.taker('resblocks.1.mlp.c_proj.weight').inputs[0]!;
      const before = model.resultOf('resblocks.1.mlp.c_fc.bias');
      model.replace(model.maker(hidden), [made('Gelu', [before], hidden, { approximate: 'tanh' })]);
    },
  ],
  [
    'a factor per component on a branch',
    VIT,
    /^block 1: expected a sum of the stream and a product with weights, found .* and Mul "Mul made"$/,
    (model) => {
      const scale = model.constant(Array(32).fill(0.1), [32]);
      model.insert(model.resultOf('resblocks.1.mlp.c_proj.bias'), 'Mul', [scale]);
    },
  ],
  [
    'one operator more before the output',
    TEXT,
    /^the output: expected a projection, found Tanh "Tanh made"$/,
    (model) => model.insert(model.resultOf('text_projection'), 'Tanh'),
  ],
  [
    'no last normalisation',
    TEXT,
    /^the last normalisation: expected one before the projection, found Add/,
    (model) => model.bypass(model.resultOf('ln_final.weight'), model.taker('ln_final.weight').inputs[0]!),
  ],
  [
    'no normalisation before the blocks',
    VIT,
    /^the first block: expected a normalisation of the embedded patches, found Add/,
    (model) => model.bypass(model.resultOf('ln_pre.weight'), model.taker('ln_pre.weight').inputs[0]!),
  ],
  [
    'no normalisation before an attention',
    VIT,
    /^block 1, first normalisation: expected a layer normalisation, found Add/,
    (model) => {
      const norm = model.taker('resblocks.1.ln_1.weight');
      model.bypass(norm.outputs[0]!, norm.inputs[0]!);
    },
  ],
  [
    'both branches of a block from one stream',
    VIT,
    /^block 0, second normalisation: expected that of the stream \(Add .*\), found that of LayerNormalization/,
    (model) => {
      const stream = model.taker('resblocks.0.ln_1.weight').inputs[0]!;
      const norm = model.taker('resblocks.0.ln_2.weight');
      model.setInputs(norm, [stream, ...norm.inputs.slice(1)]);
    },
  ],
  [
    'keys for queries',
    TEXT,
    /^block 1, attention: expected queries, keys and values as the three thirds of one product, found parts 1, 0, 2$/,
    (model) => {
      const split = model.nodes('Split')[1]!;
      const [q, k, v] = split.outputs;
      model.replace(split, [{ ...split, outputs: [k!, q!, v!] }]);
    },
  ],
  [
    'the last row for the vector',
    TEXT,
    /^the last normalisation: expected one before the projection, found Gather/,
    (model) => {
      const choice = model.nodes('GatherND')[0]!;
      const last = model.constant([CONTEXT - 1], [], 'int64');
      model.replace(choice, [made('Gather', [choice.inputs[0]!, last], choice.outputs[0]!, { axis: 1 })]);
    },
  ],
  [
    'the last of equal ids',
    TEXT,
    /^the end token's position: expected the first of equal ones, found the last$/,
    (model) => {
      const [largest] = model.nodes('ArgMax');
      const attributes = { axis: 1, select_last_index: 1 };
      model.replace(largest!, [made('ArgMax', largest!.inputs, largest!.outputs[0]!, attributes)]);
    },
  ],
  [
    'the mean of all rows for the vector',
    VIT,
    /^the vector: expected the class token's row, the first, found all rows$/,
    (model) => {
      const choice = model.nodes('Gather')[0]!;
      const attributes = { axes: [1], keepdims: 0 };
      model.replace(choice, [made('ReduceMean', [choice.inputs[0]!], choice.outputs[0]!, attributes)]);
    },
  ],
  [
    'positions from the second on',
    TEXT,
    /^the positions: expected rows from the first on, found Slice/,
    (model) => {
      const [from, to] = [model.constant([1], [1], 'int64'), model.constant([77], [1], 'int64')];
      const added = model.taker('positional_embedding');
      const cut = made('Slice', ['positional_embedding', from, to], 'cut');
      model.replace(added, [cut, { ...added, inputs: [added.inputs[0]!, 'cut'] }]);
    },
  ],
  [
    'patches that overlap',
    VIT,
    /^the patches: expected a convolution that steps by its own size, found size 8, step 4$/,
    (model) => {
      const [patches] = model.nodes('Conv');
      const attributes = { kernel_shape: [8, 8], strides: [4, 4] };
      model.replace(patches!, [made('Conv', patches!.inputs, patches!.outputs[0]!, attributes)]);
    },
  ],
  [
    'other means in the graph',
    { ...VIT, options: { pixels: 'uint8' } },
    /^the pixels: expected bytes normalised by CLIP's means and deviations, found .* for 0$/,
    (model) => model.setConstant(model.nodes('Sub')[0]!.inputs[1]!, Float32Array.of(0.5, 0.5, 0.5)),
  ],
  [
    'pixels that the graph scales',
    VIT,
    /^the pixels: expected the input as it is, found Mul/,
    (model) => model.insert('pixel_values', 'Mul', [model.constant([2])]),
  ],
  [
    'a quantised stream',
    TEXT,
    /^it is quantised: QuantizeLinear/,
    (model) => {
      const stream = model.resultOf('positional_embedding');
      model.insert(stream, 'DequantizeLinear', [model.constant([0.1])]);
      model.insert(stream, 'QuantizeLinear', [model.constant([0.1])]);
    },
  ],
  [
    'no ReLU in a bottleneck',
    RESNET,
    /^behind the bottleneck 1 from the end, first convolution: expected Relu, found BatchNormalization/,
    (model) => {
      const relu = model.maker(model.taker('layer4.0.2.conv').inputs[0]!);
      model.bypass(relu.outputs[0]!, relu.inputs[0]!);
    },
  ],
  [
    'the largest instead of the mean of a window',
    RESNET,
    /^the stem: expected an average pooling over 2, found MaxPool/,
    (model) => {
      const [pool] = model.nodes('AveragePool');
      const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
      model.replace(pool!, [made('MaxPool', pool!.inputs, pool!.outputs[0]!, attributes)]);
    },
  ],
  [
    'another query in the pool',
    RESNET,
    /^the attention pool, query: expected the first row alone, found /,
    (model) => {
      const [from, to] = [model.constant([1], [1], 'int64'), model.constant([2], [1], 'int64')];
      const slice = model.maker(model.taker('attnpool.q_proj.weight').inputs[0]!);
      model.setInputs(slice, [slice.inputs[0]!, from, to, slice.inputs[3]!]);
    },
  ],
];

function bypassMasks(model: ModelEdit): void {
  for (const sum of model.nodes('Add').filter(({ inputs }) => inputs.includes('causal'))) {
    model.bypass(sum.outputs[0]!, sum.inputs[0]!);
  }
}

for (const [what, subject, reason, edit] of CASES) {
  test(`a ${subject.preset} ${subject.tower} tower with ${what} is refused`, () =>
    assertRefused(subject, reason, edit));
}

test('hidden states instead of vectors are refused', () =>
  assertRefused(TEXT, /^the output: expected a projection, found /, () => {}, {
    output: { name: 'LayerNormalization_0', type: 'float32' },
  }));

test('positions for another picture are refused', () =>
  assertRefused(VIT, /^the positions: expected 50 for 56 pixels a side, found 17$/, () => {}, {
    resolution: 56,
  }));

test('a picture for ids is refused', () =>
  assertRefused(VIT, /^the vector: expected the end token's row, found the first row$/, () => {}, {
    tower: 'text',
  }));
