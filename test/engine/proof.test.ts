import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { prove } from '../../src/engine/rewrite/proof.ts';
import { proofInputs } from '../../src/engine/rewrite/proof-inputs.ts';
import { columnsOf } from '../../src/model/columns.ts';
import { readOnnx } from '../../src/model/onnx/read.ts';
import type { TextInput, TowerContract } from '../../src/model/tower.ts';
import type { ModelOptions } from '../models/options.ts';
import { testContract } from './contract.ts';

const VOCABULARY = { size: 49_408, endToken: { rule: 'largest' } } as const;
const CUT = { lengths: [8, 16, 32, 77], endToken: VOCABULARY.endToken };

let scratch = '';
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'clip-proof-'));
});
after(() => rm(scratch, { recursive: true }));

const towers = (options: Omit<ModelOptions, 'preset'> = {}) => testContract('tiny', options);
const steps: number[] = [];
const proof = (original: TowerContract, rewritten: TowerContract, precision: 'fp32' | '16 bits' = 'fp32') =>
  prove(original, rewritten, {
    inputs: proofInputs(original, original.tower === 'text' ? VOCABULARY : undefined),
    precision,
    threads: 1,
    onStep: (done, total) => steps.push(done / total),
  });

/** The same file with the largest element of one weight's first thousand made larger by a part. */
async function withWeight(contract: TowerContract, weight: string, part: number): Promise<TowerContract> {
  const { tensors } = await readOnnx(contract.path);
  const { raw } = tensors.find(({ name }) => name === weight)!;
  const bytes = await readFile(contract.path);
  for (let at = raw!.start; at < Math.min(raw!.end, raw!.start + 4000); at += 4)
    bytes.writeFloatLE(bytes.readFloatLE(at) * (1 + part), at);
  const path = join(scratch, `${weight}-${part}.onnx`);
  await writeFile(path, bytes);
  return { ...contract, path };
}

test('the same weights with the columns cut hold, at the same vectors', async () => {
  steps.length = 0;
  const result = await proof((await towers()).text, (await towers({ columns: 'dynamic' })).text);
  assert.ok(result.holds);
  assert.ok(result.measured.cosine >= 0.9999999 && result.measured.difference <= 1e-5);
  assert.deepEqual(
    steps,
    steps.toSorted((a, b) => a - b),
  );
  assert.equal(steps.at(-1), 1);
});

test('a graph holds against itself, texts with int64 ids and masks and images in every form too', async () => {
  for (const options of [
    { ids: 'int64', attentionMask: true },
    { fixedBatch: true },
    { external: true },
  ] as const) {
    const [own, plain] = [await towers(options), await towers()];
    assert.ok((await proof(own.text, plain.text)).holds);
    assert.ok((await proof(own.image, plain.image)).holds);
  }
  const raw = await towers({ pixels: 'uint8' });
  assert.ok((await proof((await towers()).image, raw.image)).holds);
});

const refused = async (rewritten: TowerContract, words: RegExp, original?: TowerContract) => {
  const result = await proof(original ?? (await towers())[rewritten.tower], rewritten);
  assert.ok(!result.holds);
  assert.match(result.reason, words);
  return result.reason;
};

test('a weight that is one thousandth off is refused, with what was measured', async () => {
  const { text, image } = await towers({ columns: 'dynamic' });
  for (const weight of ['positional_embedding', 'resblocks.1.mlp.c_fc.weight', 'text_projection']) {
    const reason = await refused(
      await withWeight(text, weight, 1e-3),
      /not the original's: cosine [\d.]+ \(/,
    );
    const [cosine, difference] = [...reason.matchAll(/(?:cosine|difference) ([\d.e-]+)/g)].map(([, x]) =>
      Number(x),
    );
    assert.ok(cosine! > 0.99 && difference! > 1e-5, reason);
  }
  await refused(await withWeight(image, 'conv1.weight', 1e-3), /not the original's/);
});

test('a graph without the mask, with another row, with another activation or other weights is refused', async () => {
  for (const options of [
    { flaw: 'no mask' },
    { flaw: 'first row' },
    { activation: 'gelu' },
    { seed: 1 },
    { normalised: true },
  ] as const)
    await refused((await towers({ columns: 'dynamic', ...options })).text, /not the original's/);
});

test('half precision is held to its own tolerance, and only where it is said to be', async () => {
  const half = await towers({ io: 'float16' });
  const plain = await towers();
  for (const tower of ['text', 'image'] as const) {
    assert.ok((await proof(plain[tower], half[tower], '16 bits')).holds);
    assert.ok(!(await proof(plain[tower], half[tower])).holds);
  }
  const other = await proof(plain.text, (await towers({ flaw: 'no mask' })).text, '16 bits');
  assert.ok(!other.holds);
});

test('a graph that does not load, does not take the columns or gives another width is refused', async () => {
  const { text } = await towers();
  const file = join(scratch, 'broken.onnx');
  await writeFile(file, 'not a graph');
  await refused({ ...text, path: file }, /does not run: .*broken\.onnx/s);
  await refused({ ...text, cut: CUT }, /does not run: /);
  const wider = await testContract('tiny-224');
  await refused(wider.text, /gives 512 components in place of 32/, text);
});

test('what is not a number is refused', async () => {
  const { text } = await towers({ columns: 'dynamic' });
  await refused(await withWeight(text, 'text_projection', Number.NaN), /cosine NaN/);
});

test('an original that does not run is nobody’s proof', async () => {
  const { text } = await towers();
  await assert.rejects(proof({ ...text, path: join(scratch, 'missing.onnx') }, text), /missing\.onnx/);
});

test('the texts of a proof are of many lengths, fit any vocabulary, and are the same each time', () => {
  const contract = { contextLength: 77 } as TowerContract;
  for (const endToken of [{ rule: 'largest' }, { rule: 'first', id: 2 }, { rule: 'first', id: 0 }] as const)
    for (const size of [49_408, 100]) {
      const inputs = proofInputs(contract, { size, endToken }) as TextInput[];
      assert.deepEqual(inputs, proofInputs(contract, { size, endToken }));
      assert.equal(inputs.length, 8);
      for (const { ids, length } of inputs) {
        assert.equal(ids.length, 77);
        assert.ok(ids.every((id) => id >= 0 && id < size));
        assert.ok(length >= 2 && length <= 77);
      }
      const columns = inputs.map((input) => columnsOf(input, { ...CUT, endToken }));
      assert.deepEqual(new Set(columns), new Set(CUT.lengths));
      assert.ok(
        columns.slice(0, 4).every((count) => count <= 16),
        'the first half are short',
      );
      const ends = inputs.map(({ ids, length }) => ids[length - 1]);
      assert.equal(new Set(ends).size, 1, 'each ends with the end token');
    }
});

test('the pictures of a proof differ from each other', () => {
  const inputs = proofInputs({ resolution: 32 } as TowerContract) as Uint8Array[];
  assert.equal(new Set(inputs.map((pixels) => Buffer.from(pixels).toString('hex'))).size, 8);
});
