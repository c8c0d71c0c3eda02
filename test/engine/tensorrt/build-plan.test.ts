import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { ClipError } from '../../../src/errors.ts';
import { BuilderHouse, EXAMINED, ORIGINAL } from './builder-house.ts';

const WRONG = {
  wrong: 'input 3 (black), alone: cosine 0.9 (at least 0.999)',
  parity: { inputs: 64, mean: 0.98, least: 0.9 },
};
const MEMORY = { fault: 'memory', message: 'CUDA out of memory' } as const;

test('the first recipe that passes serves, a line says what became of those before, and the next start builds nothing', async (t) => {
  const house = await BuilderHouse.open(t, [WRONG, 'passes']);
  const { proved, contract } = await house.obtain();
  assert.equal(proved.record.key.recipe, 'fp32-residual');
  assert.deepEqual(proved.record.parity, { inputs: 64, mean: 0.99999, least: 0.9999 });
  assert.deepEqual([proved.record.buildSeconds, proved.record.canary], [1.5, [1, 2]]);
  assert.equal(contract.input.type, 'uint8', 'fed as the graph that it was built of');
  assert.match(Buffer.from(proved.plan).toString('latin1'), /fp32-residual 8$/);
  assert.deepEqual(house.told.tasks, [
    'examine',
    'reference',
    'build fp16 8 1024',
    'build fp32-residual 8 1024',
  ]);
  assert.equal(house.asked, 1);
  assert.ok(
    house.lines.some((line) =>
      line.includes('fp16 does not serve: wrong vectors: input 3 (black), alone: cosine 0.9'),
    ),
    house.lines.join('\n'),
  );
  house.conduct([]);
  const again = await house.obtain();
  assert.deepEqual(again.proved.record, proved.record);
  assert.deepEqual(house.told.tasks, ['examine']);
  assert.equal(house.asked, 1, 'the inputs are not made for nothing');
});

test('a build that lacks memory is tried with less workspace, then for fewer rows, whoever says that it lacks', async (t) => {
  const oom = { fault: 'failed', message: 'std::bad_alloc' } as const;
  const house = await BuilderHouse.open(t, [MEMORY, 'SIGKILL', MEMORY, 'SIGKILL', 'passes', oom]);
  const { proved } = await house.obtain();
  assert.deepEqual(house.told.tasks.slice(2), [
    'build fp16 8 1024',
    'build fp16 8 512',
    'build fp16 8 256',
    'build fp16 4 256',
    'build fp16 2 256',
  ]);
  assert.equal(proved.record.key.profiles.at(-1)!.pixel_values!.max[0], 2);
  assert.equal(house.lines.filter((line) => line.includes('the memory does not suffice')).length, 4);
  house.conduct([]);
  assert.deepEqual((await house.obtain()).proved.record, proved.record);
  assert.deepEqual(house.told.tasks, ['examine'], 'the plan for fewer rows serves the next start');
});

test('where memory does not suffice for one row the next recipe is tried, and nothing is noted', async (t) => {
  const house = await BuilderHouse.open(t, [MEMORY, MEMORY, MEMORY, MEMORY, 'passes']);
  const recipe = {
    recipes: ['fp16', 'fp32'],
    maxBatch: 2,
    workspaceBytes: 2 ** 30,
    optimisationLevel: 3,
  } as const;
  const { proved } = await house.obtain({ recipe });
  assert.deepEqual(house.told.tasks.slice(2), [
    'build fp16 2 1024',
    'build fp16 2 512',
    'build fp16 2 256',
    'build fp16 1 256',
    'build fp32 2 1024',
  ]);
  assert.equal(proved.record.key.recipe, 'fp32');
  house.conduct(['passes']);
  assert.equal(
    (await house.obtain({ recipe })).proved.record.key.recipe,
    'fp16',
    'there may be more memory by now',
  );
});

test('a process that falls over costs its recipe; where none passes, the error has the figures of all, for good', async (t) => {
  const house = await BuilderHouse.open(t, [
    'SIGSEGV',
    { fault: 'failed', message: 'node /Softmax_3: no kernel' },
    WRONG,
  ]);
  const reason = (error: unknown) => {
    assert.ok(error instanceof ClipError, String(error));
    assert.equal(error.code, 'engine_failed');
    assert.match(
      error.message,
      /^a model, image engine: no plan serves: fp16: its process ended with SIGSEGV; /,
    );
    assert.match(
      error.message,
      /fp32-residual: node \/Softmax_3: no kernel; fp32: wrong vectors: .*0\.9 \(at least 0\.999\)$/,
    );
    return true;
  };
  await assert.rejects(house.obtain(), reason);
  house.conduct([]);
  await assert.rejects(house.obtain(), reason);
  assert.deepEqual(house.told.tasks, ['examine'], 'what failed is not built again');
  assert.deepEqual(await house.left(), []);
});

test('a lost device says nothing about the recipe: another is tried, and the next start tries it again', async (t) => {
  const house = await BuilderHouse.open(t, [
    { fault: 'sticky', message: 'CUDA error 700' },
    'passes',
    'passes',
  ]);
  assert.equal((await house.obtain()).proved.record.key.recipe, 'fp32-residual');
  house.conduct(['passes']);
  assert.equal((await house.obtain()).proved.record.key.recipe, 'fp16');
});

test('a build beyond the time limit ends all of them, leaves no file, and the metric says which limit it was', async (t) => {
  const house = await BuilderHouse.open(t, ['hangs', 'passes']);
  await assert.rejects(house.obtain({ limitMs: 200, graceMs: 10 }), /building took longer than 0.2 s/);
  assert.equal(house.told.tasks.filter((line) => line.startsWith('build')).length, 1);
  assert.deepEqual(await house.left(), []);
  assert.deepEqual(await house.limited(), ['engines_build_ms']);
  house.conduct([{ fault: 'cancelled', message: 'cancelled' }, 'passes']);
  assert.equal((await house.obtain()).proved.record.key.recipe, 'fp32-residual', 'nothing was noted');
});

test('who cancels gets the reason, and no process and no file is left', async (t) => {
  const house = await BuilderHouse.open(t, ['hangs', 'passes']);
  const stop = new AbortController();
  const reason = new Error('stopped');
  const obtaining = house.obtain({ signal: stop.signal });
  obtaining.catch(() => {});
  while (!house.told.tasks.some((line) => line.startsWith('build'))) await wait(10);
  assert.equal((await house.left()).length, 1);
  stop.abort(reason);
  await assert.rejects(obtaining, reason);
  assert.deepEqual(await house.left(), []);
  house.conduct(['passes']);
  assert.equal((await house.obtain()).proved.record.key.recipe, 'fp16', 'the lock is free');
});

test('a graph that is not recognised is built as it is', async (t) => {
  const house = await BuilderHouse.open(t, ['passes'], {
    ...EXAMINED,
    graph: { unrecognised: 'it is no tower' },
  });
  const { proved, contract } = await house.obtain();
  assert.equal(proved.record.key.recipe, 'original');
  assert.deepEqual(contract, ORIGINAL);
  assert.deepEqual(Object.keys(proved.record.key.profiles[0]!), ['pixels']);
  assert.ok(
    house.lines.some((line) =>
      line.includes('built as it is, for its structure is not recognised: it is no tower'),
    ),
    house.lines.join('\n'),
  );
});

test('a host that cannot build serves what is in the cache, and says what it lacks for the rest', async (t) => {
  const house = await BuilderHouse.open(t, ['passes']);
  const noBuilder = 'no libnvonnxparser';
  await assert.rejects(
    house.obtain({ noBuilder }),
    /no plan is in the cache, and none can be built: no libnvonnxparser/,
  );
  assert.deepEqual(house.told.tasks, ['examine']);
  await house.obtain();
  assert.equal((await house.obtain({ noBuilder })).proved.record.key.recipe, 'fp16');
});

test('what a device measured is given to the next build, and the library’s words and progress come through', async (t) => {
  const house = await BuilderHouse.open(t, ['passes', 'passes']);
  await house.obtain();
  const recipe = { recipes: ['fp16'], maxBatch: 4, workspaceBytes: 2 ** 30, optimisationLevel: 3 } as const;
  await house.obtain({ recipe });
  assert.deepEqual(
    house.told.tasks.filter((line) => line.startsWith('build')),
    ['build fp16 8 1024', 'build fp16 4 1024 timed'],
  );
  assert.ok(house.lines.includes('TensorRT: the library’s own words'), house.lines.join('\n'));
  assert.deepEqual(house.phases[0], {
    task: 'a model, image engine',
    phase: 'building',
    done: 1,
    total: 2,
    unit: 'steps',
    detail: 'fp16',
  });
});

test('a library that does not open is an error in its own words', async (t) => {
  const house = await BuilderHouse.open(t, [], { failure: 'libnvinfer.so.10: no such file' });
  await assert.rejects(
    house.obtain(),
    /a model, image engine: TensorRT cannot be opened: libnvinfer\.so\.10: no such file/,
  );
});
