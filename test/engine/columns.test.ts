import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { Engine } from '../../src/engine/engine.ts';
import { onnxEngines } from '../../src/engine/onnx.ts';
import { pack } from '../../src/engine/onnx-feeds.ts';
import { planOf } from '../../src/engine/rewrite/plan.ts';
import { rewriteRecognised } from '../../src/engine/rewrite/recognised.ts';
import { columnsOf } from '../../src/model/columns.ts';
import type { TextInput, TowerContract } from '../../src/model/tower.ts';
import { testContract } from './contract.ts';

const FOREVER = new AbortController().signal;
const [START, END, CONTEXT] = [49_406, 49_407, 77];
const CUT = { lengths: [8, 16, 32, 77], endToken: { rule: 'largest' } } as const;

/** As CLIP's tokeniser makes it, `padding` behind the end token. */
function text(tokens: readonly number[], padding = 0): TextInput {
  const kept = tokens.slice(0, CONTEXT - 2);
  const ids = new Int32Array(CONTEXT).fill(padding);
  ids.set([START, ...kept, END]);
  return { ids, length: kept.length + 2 };
}

const words = (count: number) => Array.from({ length: count }, (_, i) => 1 + ((i * 7919) % 40_000));

test('a text takes the fewest columns that hold its end token: just below, at and above each bound', () => {
  const columns = [0, 5, 6, 7, 13, 14, 15, 29, 30, 31, 74, 75, 200].map((count) =>
    columnsOf(text(words(count)), CUT),
  );
  assert.deepEqual(columns, [8, 8, 8, 16, 16, 16, 32, 32, 32, 77, 77, 77, 77]);
});

test('the end token is found as the graph finds it', () => {
  // Twice in the text itself: the first is the largest that comes first.
  const twice = text([5, END, ...words(40)]);
  assert.equal(columnsOf(twice, CUT), 8);
  assert.equal(columnsOf(text(words(3), END), CUT), 8);
  const first = (id: number) => ({ ...CUT, endToken: { rule: 'first', id } as const });
  assert.equal(columnsOf(text([...words(9), 7, ...words(30)]), first(7)), 16);
  assert.equal(columnsOf(twice, first(END)), 8);
  assert.equal(columnsOf(text(words(3)), first(48_000)), CONTEXT, 'nothing is left away where there is none');
  assert.equal(columnsOf(text(words(3)), undefined), CONTEXT);
});

test('a batch is packed with the columns of its longest text, and nothing else of it is sent', () => {
  const [a, b] = [text(words(3)), text(words(12))];
  const { data, count } = pack([a, b], CUT);
  assert.deepEqual([count, data.length], [2, 32]);
  assert.deepEqual([...data], [...a.ids.subarray(0, 16), ...b.ids.subarray(0, 16)]);
  assert.equal(pack([a, b]).data.length, 2 * CONTEXT);
});

const open: Engine[] = [];
let scratch = '';
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'clip-columns-'));
});
after(async () => {
  await Promise.all(open.map((engine) => engine.close()));
  await rm(scratch, { recursive: true });
});

async function engineOf(contract: TowerContract): Promise<Engine> {
  const device = { kind: 'cpu', index: 0 } as const;
  const settings = { contract, device, deviceIsExplicit: false, threads: 1, probe: text(words(3)) };
  const engine = await onnxEngines(settings).create(FOREVER);
  open.push(engine);
  return engine;
}

function assertNear(got: Float32Array, expected: Float32Array, what: string): void {
  const largest = expected.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  for (const [i, x] of expected.entries())
    assert.ok(Math.abs(got[i]! - x) <= 1e-5 * largest, `${what}[${i}]: ${got[i]} for ${x}`);
}

/** As a start rewrites it: the texts of a batch packed. */
async function packedContract(): Promise<TowerContract> {
  const { text } = await testContract('tiny');
  const rewritten = await rewriteRecognised(text, planOf(text), join(scratch, 'packed.onnx'));
  assert.ok('contract' in rewritten && rewritten.contract.packed);
  return rewritten.contract;
}

const CUTS: [string, () => Promise<TowerContract>][] = [
  ['with its columns cut', async () => (await testContract('tiny', { columns: 'dynamic' })).text],
  ['of packed texts', packedContract],
];

for (const [name, contract] of CUTS) {
  test(`a graph ${name} gives texts of every length the vectors of the graph at 77`, async () => {
    const [full, short] = [
      await engineOf((await testContract('tiny')).text),
      await engineOf(await contract()),
    ];
    const texts = Array.from({ length: 76 }, (_, count) => text(words(count)));
    const literal = [
      text([END]),
      text([1, 2, END, 3, 4]),
      text([...words(20), END, ...words(50)]),
      text([...words(70), END, END]),
      text(words(9), END),
      text(words(9), 4711),
    ];
    const all = [...texts, ...literal];
    assertNear(await short.run(all, FOREVER), await full.run(all, FOREVER), 'all together');
    for (const each of all) {
      const [expected] = [await full.run([each], FOREVER)];
      assertNear(await short.run([each], FOREVER), expected!, `a text of ${each.length}`);
    }
  });

  test(`a graph ${name} gives a batch of any ids the vectors of the graph at 77`, async () => {
    const [full, short] = [
      await engineOf((await testContract('tiny')).text),
      await engineOf(await contract()),
    ];
    const ids = fc.array(fc.oneof(fc.nat(END), fc.constant(END), fc.constant(0)), {
      minLength: CONTEXT,
      maxLength: CONTEXT,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(ids, { minLength: 1, maxLength: 4 }), async (rows) => {
        const inputs = rows.map((row) => ({ ids: Int32Array.from(row), length: CONTEXT }));
        assertNear(await short.run(inputs, FOREVER), await full.run(inputs, FOREVER), 'batch');
      }),
      { numRuns: 40, seed: 3 },
    );
  });
}

test('loading and warming up run at full length, which takes longest', async () => {
  // This graph takes no fewer columns than 77, whatever its contract says.
  const { text: contract } = await testContract('tiny');
  const engine = await engineOf({ ...contract, cut: CUT });
  assert.ok((await engine.warm(FOREVER)) > 0);
  await assert.rejects(engine.run([text(words(3))], FOREVER), {
    code: 'engine_failed',
    message: /got: 8|77/i,
  });
});
