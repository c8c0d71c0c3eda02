import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClipError } from '../../../src/errors.ts';
import { headersOf } from '../../fakes/build.ts';
import type { Knobs } from '../../fakes/environment.ts';
import { FakeGpuHouse } from './fake-gpu-house.ts';

const skip = (await headersOf(10)) === undefined && 'without TensorRT’s headers (npm run headers)';

/** Of the smallest share of work. */
const ONE_ROW = { recipes: ['fp16'], maxBatch: 1, workspaceBytes: 2 ** 26, optimisationLevel: 3 } as const;

function refusal(words: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ClipError, String(error));
    assert.equal(error.code, 'engine_failed');
    assert.match(error.message, words);
    return true;
  };
}

test('fake: a graph is built, passes the gate on texts and pictures, and is found by the next start', {
  skip,
}, async (t) => {
  const house = await FakeGpuHouse.open(t);
  for (const tower of ['text', 'image'] as const) {
    const { proved, contract } = await house.obtain('sum', tower);
    const { parity, canary, key } = proved.record;
    assert.ok(parity.inputs >= 64 && parity.mean > 0.9999 && parity.least > 0.999, JSON.stringify(parity));
    assert.equal(canary.length, 32);
    assert.deepEqual([key.recipe, key.tower, contract.tower], ['original', tower, tower]);
    const again = await house.obtain('sum', tower, { buildCrash: 1 });
    assert.deepEqual(again.proved.record, proved.record);
  }
});

test('fake: a recognised tower gets wrong vectors of this library, so each recipe is refused with its figures', {
  skip,
}, async (t) => {
  const house = await FakeGpuHouse.open(t);
  const recipe = { ...ONE_ROW, recipes: ['fp16', 'fp32'] } as const;
  const words = refusal(
    /^tiny text, engine: no plan serves: fp16: wrong vectors: input 1 \("a photo of a cat"\), alone: cosine -?0\.\d+ \(at least 0\.999\); fp32: wrong vectors: /,
  );
  await assert.rejects(house.obtain('tiny', 'text', {}, { recipe }), words);
  assert.equal((await house.kept()).filter((name) => name.endsWith('.json')).length, 2);
  assert.equal((await house.kept()).filter((name) => name.endsWith('.plan')).length, 0);
  await assert.rejects(house.obtain('tiny', 'text', { buildCrash: 1 }, { recipe }), words);
});

const FAULTS: readonly { readonly what: string; readonly knobs: Knobs; readonly words: RegExp }[] = [
  {
    what: 'gives what is no number after a while',
    knobs: { nan: 20 },
    words: /original: wrong vectors: input 20 \(.*\), alone: the vector is not finite$/,
  },
  {
    what: 'turns its vectors',
    knobs: { offset: 5000 },
    words: /original: wrong vectors: input 1 \(the canary\), alone: cosine -?0\.\d+ \(at least 0\.999\)$/,
  },
  {
    what: 'falls over while it builds',
    knobs: { buildCrash: 1 },
    words: /original: its process ended with SIG/,
  },
  { what: 'refuses to run', knobs: { enqueueFail: 3 }, words: /original: \S.*$/ },
  { what: 'loses the device', knobs: { sticky: 3 }, words: /original: .*700/ },
];

for (const { what, knobs, words } of FAULTS)
  test(`fake: a library that ${what} gives no plan`, { skip }, async (t) => {
    const house = await FakeGpuHouse.open(t);
    await assert.rejects(house.obtain('sum', 'image', knobs, { recipe: ONE_ROW }), refusal(words));
    assert.deepEqual(
      (await house.kept()).filter((name) => name.endsWith('.plan')),
      [],
    );
  });

test('fake: a build without memory is tried with less workspace, then for fewer rows', {
  skip,
}, async (t) => {
  const house = await FakeGpuHouse.open(t);
  const recipe = { ...ONE_ROW, maxBatch: 2 };
  await assert.rejects(
    house.obtain('sum', 'image', { buildOom: 1 }, { recipe }),
    refusal(/original: the memory does not suffice for one row: /),
  );
  const builds = house.lines.filter((line) => line.includes('building original for up to'));
  assert.deepEqual(
    builds.map((line) => /(\d+) rows, with (\d+) MiB/.exec(line)!.slice(1).join(' ')),
    ['2 64', '2 32', '2 16', '1 16'],
  );
});

test('fake: a build that takes too long is cancelled', { skip }, async (t) => {
  const house = await FakeGpuHouse.open(t);
  const slow = { buildSteps: 100_000, stepMs: 5 };
  const phases: string[] = [];
  const building = house.obtain('sum', 'image', slow, {
    recipe: ONE_ROW,
    // Long enough for two processes to start on a busy machine: what is cancelled has to be a build.
    limitMs: 20_000,
    progress: ({ phase, detail }) => void phases.push(`${phase} ${detail}`),
  });
  await assert.rejects(building, refusal(/building took longer than 20 s$/));
  assert.ok(
    phases.some((phase) => phase.startsWith('building original, ')),
    phases.join('\n'),
  );
});
