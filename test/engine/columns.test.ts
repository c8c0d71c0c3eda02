import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { Engine } from '../../src/engine/engine.ts';
import { onnxEngines } from '../../src/engine/onnx.ts';
import { pack } from '../../src/engine/onnx-feeds.ts';
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
after(() => Promise.all(open.map((engine) => engine.close())));

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

test('vectors of every length are those of the graph at 77', async () => {
  const [full, short] = await Promise.all([
    testContract('tiny').then(({ text }) => engineOf(text)),
    testContract('tiny', { columns: 'dynamic' }).then(({ text }) => engineOf(text)),
  ]);
  const texts = Array.from({ length: 76 }, (_, count) => text(words(count)));
  const literal = [
    text([END]),
    text([1, 2, END, 3, 4]),
    text([...words(20), END, ...words(50)]),
    text([...words(70), END, END]),
    text(words(9), END),
    text(words(9), 4711),
  ];
  for (const each of [...texts, ...literal]) {
    const [expected] = [await full.run([each], FOREVER)];
    assertNear(await short.run([each], FOREVER), expected!, `a text of ${each.length}`);
  }
});

test('whatever ids stand where, a batch of any texts gives what each gives at 77', async () => {
  const [full, short] = await Promise.all([
    testContract('tiny').then(({ text }) => engineOf(text)),
    testContract('tiny', { columns: 'dynamic' }).then(({ text }) => engineOf(text)),
  ]);
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
