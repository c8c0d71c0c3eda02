import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tensor } from 'onnxruntime-node';
import type {
  Block,
  Linear,
  TextArchitecture,
  Weight,
} from '../../../src/model/architecture/architecture.ts';
import { permute, sliceOutputs } from '../../../src/model/rewrite/derive.ts';
import { packTexts } from '../../../src/model/rewrite/packed-texts.ts';
import { textArchitecture } from './architectures.ts';
import {
  assertClose,
  assertEqual,
  END,
  emptyFolder,
  type Feeds,
  ids,
  inFloat32,
  originals,
  rewrite,
  run,
  START,
} from './towers.ts';

const HEADS = 2;
const TEXTS = [
  [START, 320, 1125, 539, 320, 2368, END],
  [START, END],
  [START, 320, 1125, 539, 320, 786, 267, 3306, END],
  [START, ...Array.from({ length: 75 }, (_, i) => 1000 + 37 * i), END],
];
const SHORT = TEXTS.slice(0, 3);

const folder = await originals('tiny');
const tower = await textArchitecture(folder, HEADS);
const original = (feeds: Feeds, at = folder) => run(`${at}/textual.onnx`, feeds);
const expected = await original({ input_ids: ids(TEXTS) });

const last = (text: readonly number[]) => text.length - 1;
const ends = (texts: readonly (readonly number[])[]) =>
  new Tensor('int32', Int32Array.from(texts, last), [texts.length]);

function packedFeeds(texts: readonly (readonly number[])[]): Feeds {
  const packed = packTexts(
    texts.map((text) => Int32Array.from(text)),
    { rule: 'largest' },
  );
  const flat = (data: Int32Array) => new Tensor('int32', data, [data.length]);
  return {
    tokens: flat(packed.tokens),
    positions: flat(packed.positions),
    places: flat(packed.places),
    index: new Tensor('int32', packed.index, [texts.length, packed.columns]),
    end: flat(packed.end),
  };
}

for (const end of ['found', 'given'] as const) {
  for (const columns of ['context', 'dynamic'] as const) {
    test(`${columns} columns, end ${end}: the original's vectors`, async () => {
      const { path } = await rewrite(tower, folder, { end, columns });
      const feeds = { input_ids: ids(TEXTS), ...(end === 'given' && { end: ends(TEXTS) }) };
      assertEqual(await run(path, feeds), expected);
    });
  }
}

test("packed texts: the original's vectors", async () => {
  const { path } = await rewrite(tower, folder, { columns: 'packed' });
  assertEqual(await run(path, packedFeeds(TEXTS)), expected);
  assertEqual(await run(path, packedFeeds(TEXTS.slice(1, 2))), expected.slice(1, 2));
});

test('every number of columns gives the same vectors', async () => {
  const { path, cut } = await rewrite(tower, folder, { columns: 'dynamic' });
  assert.deepEqual(cut?.endToken, { rule: 'largest' });
  const longest = Math.max(...SHORT.map((text) => text.length));
  for (let columns = longest; columns <= 77; columns++)
    assertEqual(await run(path, { input_ids: ids(SHORT, columns) }), expected.slice(0, 3));
});

test('the first of several end tokens counts, whatever stands behind it', async () => {
  const texts = [
    [START, 320, END, 1125, END],
    [START, END, END],
    [START, 320, 1125],
  ];
  for (const pad of [0, END]) {
    const feeds = { input_ids: ids(texts, 77, pad) };
    for (const endToken of [{ rule: 'largest' }, { rule: 'first', id: END }] as const) {
      const { path } = await rewrite({ ...tower, endToken }, folder, { columns: 'dynamic' });
      const rows = pad === END || endToken.rule === 'largest' ? texts.length : 2;
      const short = { input_ids: ids(texts, 5, pad) };
      const wanted = (await original(feeds)).slice(0, rows);
      assertEqual((await run(path, feeds)).slice(0, rows), wanted);
      assertEqual((await run(path, short)).slice(0, 2), wanted.slice(0, 2));
    }
  }
});

test('an id that is looked for and missing means the first column, as with ArgMax over equality', async () => {
  const endToken = { rule: 'first', id: END } as const;
  const { path } = await rewrite({ ...tower, endToken }, folder);
  const feeds = { input_ids: ids([[START, 320, 1125]]) };
  // No id is larger than the first, so that the original takes the first column too.
  assertEqual(await run(path, feeds), await original(feeds));
});

test('an original with int64 ids and a mask becomes one with int32 ids', async () => {
  const other = await originals('tiny', { ids: 'int64', attentionMask: true });
  const rewritten = await rewrite(await textArchitecture(other, HEADS), other, { columns: 'dynamic' });
  assert.deepEqual(rewritten.input, { name: 'input_ids', type: 'int32' });
  const wide = BigInt64Array.from(ids(TEXTS).data as Int32Array, BigInt);
  const shape = [TEXTS.length, 77];
  const feeds = {
    input_ids: new Tensor('int64', wide, shape),
    attention_mask: new Tensor('int64', new BigInt64Array(wide.length), shape),
  };
  assertEqual(await run(rewritten.path, { input_ids: ids(TEXTS) }), await original(feeds, other));
});

test('normalised vectors and plain GELU stay what they are', async () => {
  const other = await originals('tiny', { normalised: true, activation: 'gelu' });
  const unit = await textArchitecture(other, HEADS, { normalised: true }, 'gelu');
  const { path } = await rewrite(unit, other, { columns: 'dynamic' });
  const feeds = { input_ids: ids(TEXTS) };
  assertEqual(await run(path, feeds), await original(feeds, other));
});

test('16 bits keep the direction', async () => {
  for (const precision of ['fp16', 'fp32-residual'] as const) {
    const padded = await rewrite(tower, folder, { columns: 'dynamic', precision });
    assertClose(await run(padded.path, { input_ids: ids(TEXTS) }), expected, 0.9995);
    const packed = await rewrite(tower, folder, { columns: 'packed', precision });
    assertClose(await run(packed.path, packedFeeds(TEXTS)), expected, 0.9995);
  }
  const brain = await rewrite(tower, folder, { precision: 'bf16' });
  assertClose(await run(await inFloat32(brain.path), { input_ids: ids(TEXTS) }), expected, 0.9995);
});

/** The same numbers, as PyTorch keeps them. */
function turned(linear: Linear): Linear {
  const { inputs, outputs, weight } = linear;
  const stored = permute(weight, [1, inputs, outputs], [0, 2, 1]);
  return { ...linear, layout: 'out-in', weight: { ...stored, dims: [outputs, inputs] } };
}

function mapBlocks(change: (block: Block) => Block): TextArchitecture {
  const { transformer } = tower;
  return { ...tower, transformer: { ...transformer, blocks: transformer.blocks.map(change) } };
}

test('a layer may lie either way round, its projections joint or apart', async () => {
  const joint = (block: Block) => (block.projections as { readonly joint: Linear }).joint;
  const split = (linear: Linear) => {
    const width = linear.outputs / 3;
    const [query, key, value] = [0, 1, 2].map((i) => sliceOutputs(linear, i * width, width));
    return { query: query!, key: key!, value: value! };
  };
  const towers = [
    mapBlocks((block) => ({ ...block, projections: split(joint(block)) })),
    mapBlocks((block) => ({ ...block, projections: split(turned(joint(block))) })),
    mapBlocks((block) => ({
      ...block,
      projections: { joint: turned(joint(block)) },
      attentionOutput: turned(block.attentionOutput),
      mlpInput: turned(block.mlpInput),
      mlpOutput: turned(block.mlpOutput),
    })),
    { ...tower, projection: turned(tower.projection) },
  ];
  for (const other of towers) {
    const { path } = await rewrite(other, folder, { columns: 'dynamic' });
    assertEqual(await run(path, { input_ids: ids(TEXTS) }), expected);
    const packed = await rewrite(other, folder, { columns: 'packed' });
    assertEqual(await run(packed.path, packedFeeds(TEXTS)), expected);
  }
});

test('a 16-bit original becomes a float32 graph of the same numbers', async () => {
  const half = (weight: Weight): Weight => ({
    dims: weight.dims,
    type: 'float16',
    read: async () => (await weight.read()).map((x) => Math.round(x * 1024) / 1024),
  });
  const positions = half(tower.positions);
  const elsewhere = await emptyFolder();
  const wide = await rewrite({ ...tower, positions }, elsewhere, { columns: 'dynamic' });
  const same = await rewrite({ ...tower, positions: { ...positions, type: 'float32' } }, elsewhere);
  const feeds = { input_ids: ids(TEXTS) };
  assertEqual(await run(wide.path, feeds), await run(same.path, feeds));
});
