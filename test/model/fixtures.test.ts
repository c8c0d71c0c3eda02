import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { TowerArchitecture } from '../../src/model/architecture/architecture.ts';
import { recognise } from '../../src/model/architecture/recognise.ts';
import { establishTower } from '../../src/model/contract.ts';
import { readOnnx } from '../../src/model/onnx/read.ts';
import type { RewriteOptions } from '../../src/model/rewrite/options.ts';
import { rewriteTower } from '../../src/model/rewrite/rewrite.ts';
import type { TowerContract, TowerInput } from '../../src/model/tower.ts';
import { inFloat32 } from './rewrite/towers.ts';
import { apart, nameOf, variantsOf, vectorsOf } from './rewrites.ts';

/** What a fixture's JSON says: of the file, as its script knows it, and the vectors that PyTorch gave in float32. */
interface Facts {
  readonly family: 'text' | 'vit' | 'resnet';
  readonly endToken?: { readonly rule: 'largest' | 'first' };
  readonly precision: 'fp32' | 'fp16';
  readonly resolution?: number;
  readonly ids?: string;
  readonly pixels?: string;
  readonly mask?: 'unused';
  readonly fixedBatch?: number;
  readonly vectors: readonly (readonly number[])[];
  readonly [fact: string]: unknown;
}

interface Inputs {
  readonly ids: Readonly<Record<'largest' | 'first', readonly (readonly number[])[]>>;
  /** Of the pictures below, in pixels. */
  readonly side: number;
  /** uint8 [pictures, side, side, 3] in base64. */
  readonly pixels: string;
}

const FIXTURES = join(import.meta.dirname, 'fixtures');
/** Both towers in one file, which the server does not take. */
const COMBINED = 'combined-optimum-opset14';
/** Of float32 graphs, and of ONNX Runtime and PyTorch, whose sums go in other orders. */
const EQUAL = { difference: 1e-5, cosine: 0.999_999_9 };
/** Where either rounds to 16 bits. */
const CLOSE = { cosine: 0.9995 };

const scratch = await mkdtemp(join(tmpdir(), 'clip-fixtures-'));
after(() => rm(scratch, { recursive: true, force: true }));
const json = async <T>(name: string): Promise<T> =>
  JSON.parse(await readFile(join(FIXTURES, `${name}.json`), 'utf8')) as T;
const inputs = await json<Inputs>('inputs');

function inputsOf({ family, endToken, resolution }: Facts): TowerInput[] {
  if (family !== 'text') return pictures(resolution!);
  return inputs.ids[endToken!.rule].map((ids) => ({ ids: Int32Array.from(ids), length: ids.length }));
}

/** Each pixel as often as the side needs it. */
function pictures(side: number): Uint8Array[] {
  const bytes = Buffer.from(inputs.pixels, 'base64');
  const size = 3 * inputs.side ** 2;
  const times = side / inputs.side;
  return Array.from({ length: bytes.length / size }, (_, picture) =>
    Uint8Array.from({ length: 3 * side ** 2 }, (_, i) => {
      const [y, x] = [Math.floor(i / 3 / side), Math.floor(i / 3) % side];
      const at = Math.floor(y / times) * inputs.side + Math.floor(x / times);
      return bytes[picture * size + at * 3 + (i % 3)]!;
    }),
  );
}

/** What the recogniser found, in the words of the facts. */
function described(tower: TowerArchitecture): Record<string, unknown> {
  const { family, outputWidth, normalised, precision } = tower;
  const common = { family, outputWidth, normalised, precision };
  if (tower.family === 'resnet')
    return {
      ...common,
      stages: tower.stages.map(({ length }) => length),
      width: tower.stem[2].weight.dims[0],
      heads: tower.pool.heads,
      resolution: tower.resolution,
    };
  const { width, heads, activation, blocks } = tower.transformer;
  const transformer = { ...common, width, heads, activation, layers: blocks.length };
  if (tower.family === 'vit')
    return { ...transformer, resolution: tower.resolution, patch: tower.patch.weight.dims[2] };
  const [vocabulary] = tower.tokens.dims;
  return { ...transformer, vocabulary, context: tower.positions.dims[0], endToken: tower.endToken };
}

/** A copy in a folder of its own, where rewrites may be put beside it. */
async function copied(name: string): Promise<string> {
  const folder = join(scratch, name);
  for (const file of (await readdir(FIXTURES)).filter((file) => file.startsWith(`${name}.onnx`)))
    await cp(join(FIXTURES, file), join(folder, file));
  return join(folder, `${name}.onnx`);
}

function assertContract(contract: TowerContract, facts: Facts): void {
  const { input, mask, fixedBatch, contextLength, resolution } = contract;
  assert.equal(input.type, facts.ids ?? facts.pixels);
  assert.equal(mask !== undefined, facts.mask !== undefined);
  assert.equal(fixedBatch, facts.fixedBatch);
  assert.equal(contextLength, facts.context);
  assert.equal(resolution, facts.resolution);
}

interface Expected {
  readonly given: readonly TowerInput[];
  readonly original: readonly Float32Array[];
  readonly facts: Facts;
  readonly isHalf: boolean;
}

function assertSame(
  expected: readonly ArrayLike<number>[],
  found: readonly ArrayLike<number>[],
  { difference: most = Number.POSITIVE_INFINITY, cosine: least }: { difference?: number; cosine: number },
): void {
  const { cosine, difference } = apart(expected, found);
  assert.ok(cosine >= least && difference <= most, `cosine ${cosine}, difference ${difference}`);
}

async function assertRewritten(
  name: string,
  architecture: TowerArchitecture,
  options: RewriteOptions,
  { given, original, facts, isHalf }: Expected,
): Promise<void> {
  const target = join(scratch, name, `${nameOf(options)}.onnx`);
  const rewritten = await rewriteTower(architecture, options, target, new AbortController().signal);
  const isBrain = options.precision === 'bf16';
  const path = isBrain ? await inFloat32(target) : target;
  const vectors = await vectorsOf({ ...rewritten, path }, [...given.map((input) => [input]), given], 1);
  const is16 = options.precision !== 'fp32';
  assertSame([...original, ...original], vectors, is16 || isHalf ? CLOSE : EQUAL);
  assertSame([...facts.vectors, ...facts.vectors], vectors, is16 ? CLOSE : EQUAL);
}

for (const file of (await readdir(FIXTURES)).filter((file) => file.endsWith('.onnx'))) {
  const name = file.slice(0, -'.onnx'.length);
  if (name === COMBINED) continue;
  test(`${name}: recognised, and rewritten to PyTorch's vectors`, async (t) => {
    const facts = await json<Facts>(name);
    const model = await readOnnx(await copied(name));
    const { resolution } = facts;
    const tower = facts.family === 'text' ? 'text' : 'image';
    const contract = await establishTower(model, tower, { ...(resolution && { resolution }) });
    assertContract(contract, facts);
    const given = inputsOf(facts);
    const original = await vectorsOf(contract, [given], 1);
    // A file in 16 bits rounds in its own way; PyTorch's vectors are those of its weights.
    const isHalf = facts.precision !== 'fp32';
    assertSame(facts.vectors, original, isHalf ? CLOSE : EQUAL);
    const recognition = await recognise(model, contract);
    assert.ok('architecture' in recognition, 'reason' in recognition ? recognition.reason : '');
    const { architecture } = recognition;
    const found = described(architecture);
    assert.deepEqual(found, Object.fromEntries(Object.keys(found).map((key) => [key, facts[key]])));
    const variants = variantsOf(architecture);
    for (const options of [...variants, { ...variants[0]!, precision: 'bf16' as const }])
      await t.test(nameOf(options), () =>
        assertRewritten(name, architecture, options, { given, original, facts, isHalf }),
      );
  });
}

test('a file of both towers is refused by what it takes', async () => {
  const model = await readOnnx(join(FIXTURES, `${COMBINED}.onnx`));
  for (const tower of ['text', 'image'] as const)
    await assert.rejects(establishTower(model, tower, {}), { code: 'model_invalid' });
});
