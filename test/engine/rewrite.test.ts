import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import {
  appendFile,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { ModelContract } from '../../src/model/tower.ts';
import { testContract } from './contract.ts';
import { GRAPH, House, NOTE } from './rewriting-house.ts';

test('a graph that holds serves in its original’s place, and a second start takes it as it is', async (t) => {
  const house = await House.open(t, { columns: 'dynamic' });
  const { contract } = await house.start();
  assert.match(contract.text.path, /\/\.textual\.[0-9a-f]{16}\.onnx$/);
  assert.deepEqual(contract.text.cut!.lengths, [16, 32, 48, 77]);
  assert.equal(contract.image, house.contract.image);
  assert.deepEqual(await house.graph(), ['text rewritten proved', 'image original not_recognised']);
  assert.deepEqual(
    [...new Set(house.phases.map(({ phase }) => phase))],
    ['checking', 'rewriting', 'proving', 'done'],
  );
  const files = await house.files();
  assert.ok(
    files.length === 3 && files.some((name) => NOTE.test(name)) && files.some((name) => GRAPH.test(name)),
  );
  // Nothing would come of a second run.
  await house.conduct({ fail: 'not again' });
  house.phases.length = 0;
  const again = await house.start();
  assert.deepEqual(again.contract, contract);
  assert.equal((await house.runs()).length, 1);
  assert.deepEqual(
    house.phases.map(({ phase }) => phase),
    ['done', 'done'],
  );
  assert.deepEqual(house.lines, []);
});

for (const [name, options, words] of [
  ['without the mask', { columns: 'dynamic', flaw: 'no mask' }, /cosine 0?[\d.-]+ \(at least 0\.9999999\)/],
  [
    'with another row',
    { columns: 'dynamic', flaw: 'first row' },
    /difference [\d.]+ of the largest component \(at most 0\.00001\)/,
  ],
  ['with other weights', { columns: 'dynamic', seed: 1 }, /not the original's/],
  ['that takes all columns only', {}, /does not run/],
] as const)
  test(`a graph ${name} does not serve: one warning says what was measured, a metric which graph it is`, async (t) => {
    const house = await House.open(t, options);
    for (let start = 0; start < 2; start++) {
      const { contract } = await house.start();
      assert.equal(contract.text, house.contract.text);
      assert.equal(house.lines.length, 1);
      assert.match(house.lines[0]!, /textual\.onnx is served as it is: /);
      assert.match(house.lines.splice(0)[0]!, words);
      assert.deepEqual(await house.graph(), ['text original not_proved', 'image original not_recognised']);
    }
    assert.equal((await house.runs()).length, 1, 'the verdict is kept');
    assert.ok(!(await house.files()).some((file) => GRAPH.test(file)), 'the graph is not');
  });

test('what is not recognised is remembered, and nobody is warned', async (t) => {
  const house = await House.open(t, { unrecognised: 'it is a poem' });
  for (let start = 0; start < 2; start++)
    assert.equal((await house.start()).contract.text, house.contract.text);
  assert.deepEqual([(await house.runs()).length, house.lines], [1, []]);
  assert.deepEqual(await house.graph(), ['text original not_recognised', 'image original not_recognised']);
});

test('a rewriter that throws is remembered with its words', async (t) => {
  const house = await House.open(t, { fail: 'no way to write this' });
  await house.start();
  assert.match(house.lines[0]!, /rewriting it failed: no way to write this/);
  assert.deepEqual(await house.graph(), ['text original not_proved', 'image original not_recognised']);
});

test('memory that runs out is no verdict', async (t) => {
  const house = await House.open(t, { fail: 'Failed to allocate memory for requested buffer' });
  await house.start();
  assert.match(house.lines[0]!, /Failed to allocate/);
  await house.conduct({ columns: 'dynamic' });
  assert.notEqual((await house.start()).contract.text, house.contract.text);
});

test('switched off, nothing is looked at', async (t) => {
  const house = await House.open(t, { columns: 'dynamic' });
  await house.start();
  const files = await house.files();
  assert.equal((await house.start({ rewrite: 'off' })).contract.text, house.contract.text);
  assert.ok((await house.graph()).includes('text original off'));
  assert.deepEqual(await house.files(), files);
});

test('another model file gets another graph, and the old one is cleared away', async (t) => {
  const house = await House.open(t, { columns: 'dynamic' });
  const first = (await house.start()).contract.text.path;
  const other = (await testContract('tiny', { seed: 1 })).text.path;
  await copyFile(other, house.contract.text.path);
  await house.conduct({ columns: 'dynamic', seed: 1 });
  const second = (await house.start()).contract.text.path;
  assert.notEqual(second, first);
  assert.equal(existsSync(first), false);
  assert.equal((await house.files()).length, 3);
});

test('a model file of the same size and time in the place of another is noticed', async (t) => {
  const house = await House.open(t, { columns: 'dynamic' });
  const { path } = house.contract.text;
  await utimes(path, 1, 1);
  const first = (await house.start()).contract.text.path;
  await copyFile((await testContract('tiny', { seed: 1 })).text.path, `${path}.new`);
  await utimes(`${path}.new`, 1, 1);
  await rename(`${path}.new`, path);
  await house.conduct({ columns: 'dynamic', seed: 1 });
  assert.notEqual((await house.start()).contract.text.path, first);
});

test('a model file that was touched is hashed again, and its graph is still good', async (t) => {
  const house = await House.open(t, { columns: 'dynamic' });
  const { contract } = await house.start();
  await utimes(house.contract.text.path, 5, 5);
  house.phases.length = 0;
  assert.deepEqual((await house.start()).contract, contract);
  assert.deepEqual([...new Set(house.phases.map(({ phase }) => phase))], ['checking', 'done']);
  assert.equal((await house.runs()).length, 1);
});

for (const [what, damage] of [
  ['changed', (path: string) => appendFile(path, 'x')],
  ['cut off', (path: string) => writeFile(path, '')],
  ['gone', (path: string) => rm(path)],
] as const)
  test(`a rewritten graph that is ${what} is made again`, async (t) => {
    const house = await House.open(t, { columns: 'dynamic' });
    const { contract } = await house.start();
    const bytes = await readFile(contract.text.path);
    await damage(contract.text.path);
    assert.deepEqual((await house.start()).contract, contract);
    assert.deepEqual(await readFile(contract.text.path), bytes);
    assert.equal((await house.runs()).length, 2);
  });

test('a note that is no note is not believed', async (t) => {
  const house = await House.open(t, { columns: 'dynamic' });
  const { contract } = await house.start();
  const note = join(house.folder, (await house.files()).find((name) => NOTE.test(name))!);
  for (const text of ['', '[]', '{"verdict":{"served":"rewritten"}}', '{"verdict":7,"files":[]}']) {
    await writeFile(note, text);
    assert.deepEqual((await house.start()).contract, contract, text);
  }
  assert.equal((await house.runs()).length, 5);
});

test('a whole folder that was copied keeps its graphs', async (t) => {
  const house = await House.open(t, { columns: 'dynamic' });
  const { contract } = await house.start();
  const copy = join(house.folder, '..', 'copy');
  await mkdir(copy);
  for (const name of await readdir(house.folder)) await copyFile(join(house.folder, name), join(copy, name));
  await rm(house.folder, { recursive: true });
  const path = join(copy, 'textual.onnx');
  const image = { ...house.contract.image, path: join(copy, 'visual.onnx') };
  const moved = { ...house.contract, text: { ...house.contract.text, path }, image };
  const served = (await house.start({}, moved)).contract.text;
  assert.deepEqual(served, { ...contract.text, path: contract.text.path.replace(house.folder, copy) });
  const log = await readFile(join(copy, 'runs.log'), 'utf8');
  assert.equal(log.split('\n').filter(Boolean).length, 1);
});

test('servers that start at once rewrite once', async (t) => {
  const house = await House.open(t, { columns: 'dynamic' });
  const limits = { pollMs: 20 };
  const all = await Promise.all([1, 2, 3].map(() => house.start({ limits })));
  for (const { contract } of all) assert.deepEqual(contract, all[0]!.contract);
  assert.equal((await house.runs()).length, 1);
  assert.ok(house.phases.some(({ phase }) => phase === 'waiting'));
  assert.ok(!(await readdir(house.folder)).some((name) => name.endsWith('.lock')));
});

/** Its name is as long as one may be: whoever writes, nothing with a longer one can lie beside it. */
async function longNamed(house: House): Promise<ModelContract> {
  const path = join(house.folder, `${'x'.repeat(240)}.onnx`);
  await rename(house.contract.text.path, path);
  return { ...house.contract, text: { ...house.contract.text, path } };
}

test('where nothing can be written beside the model, its graph lies in the cache of models', async (t) => {
  const house = await House.open(t, { columns: 'dynamic' });
  const contract = await longNamed(house);
  const served = await house.start({}, contract);
  const { path } = served.contract.text;
  assert.ok(path.startsWith(join(house.cache, 'rewritten')), path);
  await served.close();
  assert.deepEqual((await house.start({}, contract)).contract, served.contract);
  assert.equal((await house.runs()).length, 1);
});

test('a model that is a link out of its folder keeps its graph in the cache: ONNX Runtime follows none', async (t) => {
  const house = await House.open(t, { columns: 'dynamic' });
  const { path } = house.contract.text;
  await rename(path, join(house.folder, '..', 'blob'));
  await symlink('../blob', path);
  const { contract } = await house.start();
  assert.ok(contract.text.path.startsWith(join(house.cache, 'rewritten')), contract.text.path);
  assert.deepEqual(await house.files(), []);
});

test('where nothing can be written there either, it lies in a folder that goes with the server', async (t) => {
  const house = await House.open(t, { columns: 'dynamic' });
  const contract = await longNamed(house);
  await writeFile(house.cache, 'a file, and no folder');
  const served = await house.start({}, contract);
  const { path } = served.contract.text;
  assert.ok(path.startsWith(tmpdir()) && existsSync(path), path);
  await served.close();
  assert.equal(existsSync(dirname(path)), false);
  assert.deepEqual(house.lines, []);
});

test('a note is written with what it needs and no more', async (t) => {
  const house = await House.open(t, { columns: 'dynamic' });
  await house.start();
  for (const name of await house.files()) {
    const { size } = await stat(join(house.folder, name));
    assert.ok(GRAPH.test(name) || size < 3000, `${name} of ${size} bytes`);
    assert.ok(GRAPH.test(name) || !(await readFile(join(house.folder, name), 'utf8')).includes(house.folder));
  }
});
