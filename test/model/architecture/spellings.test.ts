import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OnnxNode } from '../../../src/model/onnx/types.ts';
import type { ModelEdit } from './model-edit.ts';
import { made } from './model-edit.ts';
import { recognised, recogniseEdited, type Subject } from './recognise-model.ts';

const TEXT: Subject = { preset: 'tiny', tower: 'text' };
const VIT: Subject = { preset: 'tiny', tower: 'image' };

/** Values that a replaced node's others are named after. */
const of = (node: OnnxNode, what: string) => `${node.outputs[0]} ${what}`;

function eachNode(operator: string, spell: (node: OnnxNode, model: ModelEdit) => readonly OnnxNode[]) {
  return (model: ModelEdit) => {
    for (const node of model.nodes(operator)) model.replace(node, spell(node, model));
  };
}

/** (x - mean) · 1/√(mean of squares + ε) · scale + shift */
const spelledNorm = eachNode('LayerNormalization', (node, model) => {
  const [x, scale, shift] = node.inputs as [string, string, string];
  const [mean, difference, square, variance, sum, root, inverse, product, scaled] = Array.from(
    { length: 9 },
    (_, i) => of(node, `part ${i}`),
  ) as [string, string, string, string, string, string, string, string, string];
  return [
    made('ReduceMean', [x], mean, { axes: [-1] }),
    made('Sub', [x, mean], difference),
    made('Mul', [difference, difference], square),
    made('ReduceMean', [square], variance, { axes: [-1] }),
    made('Add', [model.constant([1e-5]), variance], sum),
    made('Sqrt', [sum], root),
    made('Reciprocal', [root], inverse),
    made('Mul', [difference, inverse], product),
    made('Mul', [product, scale], scaled),
    made('Add', [shift, scaled], node.outputs[0]!),
  ];
});

/** 1 / (1 + e^-y) */
const spelledSigmoid = eachNode('Sigmoid', (node, model) => {
  const [minus, power, sum] = [of(node, 'minus'), of(node, 'power'), of(node, 'sum')];
  return [
    made('Neg', node.inputs, minus),
    made('Exp', [minus], power),
    made('Add', [power, model.constant([1])], sum),
    made('Div', [model.constant([1]), sum], node.outputs[0]!),
  ];
});

/** The scores where a row may see, else the lowest number. */
const chosenScores = (model: ModelEdit) => {
  const above = Array.from({ length: 77 ** 2 }, (_, i) => (i % 77 > Math.floor(i / 77) ? 1 : 0));
  const mask = model.constant(above, [77, 77]);
  const hidden = made('Cast', [mask], 'hidden', { to: 9 });
  for (const [i, sum] of model
    .nodes('Add')
    .filter(({ inputs }) => inputs.includes('causal'))
    .entries()) {
    const choice = made('Where', ['hidden', model.constant([-3.4e38]), sum.inputs[0]!], sum.outputs[0]!);
    model.replace(sum, i === 0 ? [hidden, choice] : [choice]);
  }
};

/** Rows (columns of the trial), compared with each other: what exporters leave of a mask that follows the ids' shape. */
const countedMask = (model: ModelEdit) => {
  const nodes = [
    made('Shape', ['input_ids'], 'shape'),
    made('Gather', ['shape', model.constant([1], [], 'int64')], 'columns', { axis: 0 }),
    made('Range', [model.constant([0], [], 'int64'), 'columns', model.constant([1], [], 'int64')], 'row'),
    made('Unsqueeze', ['row', model.constant([1], [1], 'int64')], 'column'),
    made('LessOrEqual', ['row', 'column'], 'seen'),
    made('Where', ['seen', model.constant([0]), model.constant([-Infinity])], 'counted'),
  ];
  const [lookup] = model.nodes('Gather');
  model.replace(lookup!, [...nodes, lookup!]);
  model.bypass('causal', 'counted');
};

/** Operators that ONNX Runtime's optimiser makes of a sum with the normalisation behind it, and of an activation. */
const fused = (model: ModelEdit) => {
  for (const norm of model.nodes('LayerNormalization')) {
    const sum = model.maker(norm.inputs[0]!);
    if (sum.operator !== 'Add' || sum.inputs.includes('positional_embedding')) continue;
    const [scale, shift] = norm.inputs.slice(1);
    const both = made(
      'com.microsoft:SkipLayerNormalization',
      [...sum.inputs, scale!, shift!],
      norm.outputs[0]!,
    );
    const { attributes } = norm;
    model.replace(norm, []);
    model.replace(sum, [{ ...both, attributes, outputs: [norm.outputs[0]!, '', '', sum.outputs[0]!] }]);
  }
  for (const sigmoid of model.nodes('Sigmoid')) {
    const product = model.taker(sigmoid.outputs[0]!);
    model.replace(product, [
      made('com.microsoft:QuickGelu', [product.inputs[0]!], product.outputs[0]!, { alpha: 1.702 }),
    ]);
  }
};

/** Queries, keys, values and their attention in one operator of ONNX Runtime's. */
const fusedAttention = (model: ModelEdit) => {
  for (const block of [0, 1]) {
    const name = `resblocks.${block}.attn`;
    const result = model.taker(`${name}.out_proj.weight`).inputs[0]!;
    const normed = model.taker(`${name}.in_proj.weight`).inputs[0]!;
    const inputs = [normed, `${name}.in_proj.weight`, `${name}.in_proj.bias`, '', '', 'causal'];
    model.replace(model.maker(result), [made('com.microsoft:Attention', inputs, result, { num_heads: 2 })]);
  }
};

const transposedWeights = (model: ModelEdit) => {
  for (const product of model.nodes('MatMul').filter(({ inputs }) => /\.weight$/.test(inputs[1]!))) {
    const [x, weight] = product.inputs as [string, string];
    const turned = [1, 2].map((i) => `${weight} turned ${i}`);
    model.replace(product, [
      made('Transpose', [weight], turned[0]!, { perm: [1, 0] }),
      made('Transpose', [turned[0]!], turned[1]!, { perm: [1, 0] }),
      made('MatMul', [x, turned[1]!], product.outputs[0]!),
    ]);
  }
};

/** The division by a root on both sides of the product. */
const splitScale = (model: ModelEdit) => {
  for (const scaling of model.nodes('Mul').filter(({ inputs }) => /^scale_/.test(inputs[1]!))) {
    const root = model.constant([Math.sqrt(Math.sqrt(8))]);
    const product = model.taker(scaling.outputs[0]!);
    const half = of(product, 'half');
    model.replace(scaling, [made('Div', [scaling.inputs[0]!, root], scaling.outputs[0]!)]);
    model.replace(product, [
      made('Div', [product.inputs[1]!, root], half),
      { ...product, inputs: [product.inputs[0]!, half] },
    ]);
  }
};

const SPELLINGS = {
  'norms spelt out': spelledNorm,
  'activations by exponentials': spelledSigmoid,
  'scores chosen by a mask': chosenScores,
  "a mask counted from the ids' shape": countedMask,
  'fused operators': fused,
  'fused attentions': fusedAttention,
  'weights behind transpositions': transposedWeights,
  'scales on both sides': splitScale,
};

for (const [what, edit] of Object.entries(SPELLINGS)) {
  test(`${what} make no other text tower`, async () => {
    const plain = recognised(await recogniseEdited(TEXT), 'text');
    const found = recognised(await recogniseEdited(TEXT, edit), 'text');
    // Weights are compared by where they lie.
    assert.deepEqual(JSON.parse(JSON.stringify(found)), JSON.parse(JSON.stringify(plain)));
  });
}

test('a vector by its squares, and a class token added to zeros, make no other vision tower', async () => {
  const plain = recognised(await recogniseEdited({ ...VIT, options: { normalised: true } }), 'vit');
  const found = await recogniseEdited({ ...VIT, options: { normalised: true } }, (model) => {
    const [length] = model.nodes('ReduceL2');
    model.replace(length!, [
      made('Pow', [length!.inputs[0]!, model.constant([2])], 'squares'),
      made('ReduceSum', ['squares', model.constant([-1], [1], 'int64')], 'sum'),
      made('Sqrt', ['sum'], 'length'),
      made('Clip', ['length', model.constant([1e-12])], length!.outputs[0]!),
    ]);
    const [expanded] = model.nodes('Expand');
    const [token, shape] = expanded!.inputs as [string, string];
    model.replace(expanded!, [
      made('ConstantOfShape', [shape], 'zeros'),
      made('Add', [token, 'zeros'], expanded!.outputs[0]!),
    ]);
  });
  assert.deepEqual(JSON.parse(JSON.stringify(recognised(found, 'vit'))), JSON.parse(JSON.stringify(plain)));
});

test('the first of one id is told from the largest', async () => {
  const found = await recogniseEdited(TEXT, (model) => {
    const [largest] = model.nodes('ArgMax');
    const end = model.constant([49_407], [], 'int64');
    model.replace(largest!, [
      made('Cast', [largest!.inputs[0]!], 'long ids', { to: 7 }),
      made('Equal', ['long ids', end], 'is end'),
      made('Cast', ['is end'], 'end as number', { to: 6 }),
      { ...largest!, inputs: ['end as number'] },
    ]);
  });
  assert.deepEqual(recognised(found, 'text').endToken, { rule: 'first', id: 49_407 });
});
