import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pino } from 'pino';
import { type Act, fakeVector } from '../engine/fake.ts';
import { Scene, type Settled } from './scene.ts';
import { turn } from './wound-clock.ts';

const range = (count: number, from: number) => Array.from({ length: count }, (_, i) => i + from);

/** A scene whose one engine is busy with item 0 until it is let go. */
async function busy(options: ConstructorParameters<typeof Scene>[0] = {}) {
  const scene = await Scene.started(options);
  scene.stage.held = true;
  const first = scene.text(0);
  await turn();
  const finish = async () => {
    scene.stage.held = false;
    scene.stage.release();
    await first;
    await turn();
  };
  return { scene, finish };
}

test('texts of different columns never share a run, and nothing waits for a full batch', async () => {
  const { scene, finish } = await busy({ maxBatch: 8 });
  const short = range(3, 1).map((key) => scene.text(key, {}, 16));
  const long = range(2, 100).map((key) => scene.text(key, {}, 77));
  const more = range(2, 10).map((key) => scene.text(key, {}, 16));
  await finish();
  assert.deepEqual(
    await Promise.all([...short, ...long, ...more]),
    [1, 2, 3, 100, 101, 10, 11].map(fakeVector),
  );
  assert.deepEqual(scene.stage.seen, [[0], [1, 2, 3, 10, 11], [100, 101]]);
});

test('a run holds no more tokens than the engine computes best, and a single input in any case', async () => {
  const scene = new Scene({ maxBatch: 32, tokensPerImage: 50 });
  for (const stage of [scene.stage, scene.images]) stage.description.tokensPerRun = 100;
  await scene.scheduler.start(new AbortController().signal);
  const answers = [
    ...range(15, 0).map((key) => scene.text(key, {}, 16)),
    ...range(2, 100).map((key) => scene.text(key, {}, 101)),
    ...range(5, 200).map((key) => scene.image(key)),
  ];
  await Promise.all(answers);
  assert.deepEqual(scene.batches.sort(), [1, 1, 3, 6, 6]);
  assert.deepEqual(
    scene.images.seen.map(({ length }) => length),
    [2, 2, 1],
  );
});

test('a short text waits for no more than the run at hand and a batch of each other length', async () => {
  const { scene, finish } = await busy({ maxBatch: 4 });
  const bulk = {};
  const long = range(400, 1000).map((key) => scene.text(key, { source: bulk }, 77));
  const middle = range(400, 2000).map((key) => scene.text(key, { source: bulk }, 32));
  await turn();
  const short = scene.text(1, {}, 16);
  for (let run = 0; run < 3; run++) {
    scene.stage.release();
    await turn();
  }
  assert.deepEqual(scene.stage.seen.slice(1), [range(4, 1000), range(4, 2000), [1]]);
  scene.stage.release();
  assert.deepEqual(await short, fakeVector(1));
  await finish();
  await Promise.all([...long, ...middle]);
});

test('no length starves, whatever keeps coming of the others', async () => {
  const { scene, finish } = await busy({ maxBatch: 4 });
  const answers: Promise<Settled>[] = [];
  let key = 1;
  // More of the short ones come at each run than it takes.
  const come = () => {
    answers.push(...range(6, key).map((each) => scene.text(each, {}, 8)));
    key += 6;
  };
  come();
  const long = scene.text(-1, {}, 77);
  let served = false;
  void long.then(() => {
    served = true;
  });
  for (let run = 0; run < 3; run++) {
    scene.stage.release();
    await turn();
    come();
  }
  assert.ok(served);
  await finish();
  await Promise.all(answers);
});

test('sources take turns within a length', async () => {
  const { scene, finish } = await busy({ maxBatch: 4 });
  const [a, b] = [{}, {}];
  const answers = [
    ...range(5, 10).map((key) => scene.text(key, { source: a }, 16)),
    ...range(2, 20).map((key) => scene.text(key, { source: b }, 16)),
    ...range(2, 30).map((key) => scene.text(key, { source: b }, 77)),
  ];
  await finish();
  await Promise.all(answers);
  assert.deepEqual(scene.stage.seen.slice(1), [
    [10, 20, 11, 21],
    [30, 31],
    [12, 13, 14],
  ]);
});

test('idle replicas share one length as before, and take a length each where there are several', async () => {
  const scene = await Scene.started({ replicas: 4, maxBatch: 32 });
  scene.stage.held = true;
  const alone = range(8, 0).map((key) => scene.text(key, {}, 16));
  await turn();
  assert.deepEqual(scene.batches, [2, 2, 2, 2]);
  scene.stage.release();
  await Promise.all(alone);
  const mixed = [
    ...range(9, 100).map((key) => scene.text(key, {}, 16)),
    scene.text(200, {}, 77),
    ...range(3, 300).map((key) => scene.text(key, {}, 32)),
  ];
  await turn();
  assert.deepEqual(scene.stage.seen.slice(4), [range(5, 100), [200], range(3, 300), range(4, 105)]);
  scene.stage.release();
  await Promise.all(mixed);
});

test('tries after a fault keep to their length', async () => {
  const scene = await Scene.started({ maxBatch: 8 });
  scene.stage.script.push('not a number', 'throw');
  const answers = [
    ...range(3, 1).map((key) => scene.text(key, {}, 16)),
    ...range(2, 10).map((key) => scene.text(key, {}, 77)),
  ];
  await scene.clock.wind(4000);
  assert.deepEqual(await Promise.all(answers.slice(3)), [10, 11].map(fakeVector));
  for (const batch of scene.stage.seen)
    assert.equal(new Set(batch.map((key) => key < 10)).size, 1, `one length in ${batch}`);
});

test('memory that does not take a long batch is a bound for long ones, and for no shorter', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line).msg) });
  const scene = await Scene.started({ maxBatch: 8, log });
  scene.stage.script.push({ outOfMemoryAbove: 4 });
  await Promise.all(range(8, 0).map((key) => scene.text(key, {}, 32)));
  assert.deepEqual(scene.batches.splice(0), [8, 4, 4]);
  assert.deepEqual(lines, ['the memory does not take 8 texts of 32 tokens at once; from now on 4']);
  scene.stage.seen.length = 0;
  for (const columns of [16, 32, 77])
    await Promise.all(range(8, 0).map((key) => scene.text(key, {}, columns)));
  assert.deepEqual(scene.batches, [8, 4, 4, 4, 4]);
});

test('who leaves takes the turn of a length along where nobody else waits in it', async () => {
  const { scene, finish } = await busy({ maxBatch: 4 });
  const client = new AbortController();
  const gone = scene.text(1, { signal: client.signal }, 77);
  const stays = scene.text(2, {}, 16);
  client.abort();
  assert.equal(await gone, 'cancelled');
  await finish();
  assert.deepEqual(await stays, fakeVector(2));
  assert.deepEqual(scene.stage.seen, [[0], [2]]);
  assert.equal(scene.scheduler.pending, 0);
});

test('the tokens of texts are measured', async () => {
  const scene = await Scene.started({ maxBatch: 4 });
  await Promise.all([scene.text(1, {}, 16), scene.text(2, {}, 16), scene.text(3, {}, 77), scene.image(4)]);
  const page = await scene.metrics.text();
  assert.match(page, /^clip_text_tokens_bucket\{le="12"\} 0\nclip_text_tokens_bucket\{le="16"\} 2$/m);
  assert.match(page, /^clip_text_tokens_sum 109\n/m);
});

const COLUMNS = [8, 16, 32, 77];
const ACTS: Act[] = ['throw', 'not a number', 'one row short', { outOfMemoryAbove: 1 }];
type Step =
  | { readonly columns: number; readonly source: number }
  | { readonly finish: number }
  | { readonly act: Act }
  | { readonly leave: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: fc.record({ columns: fc.constantFrom(...COLUMNS), source: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ finish: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom(...ACTS) }) },
  { weight: 1, arbitrary: fc.record({ leave: fc.nat() }) },
);

test('whatever comes, runs are of one length, each length is served in its turn, and each source in its own', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 150 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, replicas) => {
        const scene = await Scene.started({ replicas, maxBatch: 3 });
        scene.stage.held = true;
        const sources = range(4, 0).map(() => ({}));
        const items: {
          columns: number;
          source: number;
          client: AbortController;
          answer: Promise<Settled>;
        }[] = [];
        let faults = 0;
        for (const each of steps) {
          if ('columns' in each) {
            const client = new AbortController();
            const patience = { source: sources[each.source], signal: client.signal };
            items.push({ ...each, client, answer: scene.text(items.length, patience, each.columns) });
          } else if ('act' in each) {
            scene.stage.script.push(each.act);
            faults++;
          } else if ('leave' in each) items[each.leave % items.length]?.client.abort();
          else {
            scene.stage.release(each.finish);
            await turn();
          }
        }
        scene.stage.held = false;
        scene.stage.release();
        for (let i = 0; i < 20; i++) await scene.clock.wind(10_000);
        const outcomes = await Promise.all(items.map(({ answer }) => answer));
        for (const [key, outcome] of outcomes.entries())
          if (typeof outcome !== 'string') assert.deepEqual(outcome, fakeVector(key));
        for (const run of scene.stage.seen)
          assert.equal(
            new Set(run.map((key) => items[key]!.columns)).size,
            1,
            `one length in a run of ${run}`,
          );
        if (faults === 0)
          for (const columns of COLUMNS)
            for (const source of sources.keys()) {
              const own = scene.stage.seen
                .flat()
                .filter((key) => items[key]!.columns === columns && items[key]!.source === source);
              assert.deepEqual(
                own,
                own.toSorted((a, b) => a - b),
                'the order of one source in one length is kept',
              );
            }
        assert.deepEqual([scene.scheduler.pending, await scene.value('clip_queue_length')], [0, 0]);
        await scene.scheduler.close();
      },
    ),
    { numRuns: 150, seed: 5 },
  );
});
