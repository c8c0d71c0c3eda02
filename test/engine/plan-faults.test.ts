import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { planName } from '../../src/engine/tensorrt/plan-key.ts';
import { counting, engineFolder, KEY, keptLog, openStore, planBytes, quiet } from './plan-scene.ts';

type Name = 'open' | 'rename' | 'mkdir' | 'utimes';

/** Lets calls of the file system fail as the system would, for paths that the pattern matches. */
function failing(t: TestContext, names: readonly Name[], code: string, pattern: RegExp): void {
  for (const name of names) {
    const real = fs[name] as (...given: unknown[]) => Promise<unknown>;
    const put = (call: unknown) => Object.assign(fs, { [name]: call });
    put(async (...given: unknown[]) => {
      const writes = name !== 'open' || !(given[1] === 'r' || typeof given[1] === 'number');
      if (writes && pattern.test(String(given[0])))
        throw Object.assign(new Error(`${code}: injected, ${name} '${given[0]}'`), { code });
      return real(...given);
    });
    t.after(() => {
      put(real);
      syncBuiltinESMExports();
    });
  }
  syncBuiltinESMExports();
}

for (const code of ['ENOSPC', 'EDQUOT', 'EIO']) {
  test(`${code} as a plan is written: it stays in memory, with one warning and nothing left behind`, async (t) => {
    const folder = await engineFolder(t);
    const { log, lines } = keptLog();
    const store = await openStore(t, { folder }, { log });
    failing(t, ['open'], code, /\.tmp$/);
    const counted = counting();
    for (const multiprocessors of [1, 2])
      assert.ok('plan' in (await store.obtain({ ...KEY, multiprocessors }, counted.build, quiet)), 'no plan');
    await store.keepTimingCache(KEY, planBytes(50));
    assert.equal(counted.times, 2);
    const warnings = lines.filter((line) => line.startsWith('warn:'));
    assert.equal(warnings.length, 1, warnings.join('\n'));
    assert.match(warnings[0]!, new RegExp(`an engine is not kept, .*${code}`));
    assert.deepEqual(await fs.readdir(folder), []);
  });
}

test('a disk that fills up in the middle of a plan: the unfinished file goes', async (t) => {
  const folder = await engineFolder(t);
  const store = await openStore(t, { folder });
  const { open } = fs;
  fs.open = async (...given: Parameters<typeof open>) => {
    const file = await open(...given);
    if (String(given[0]).endsWith('.tmp'))
      file.sync = async () => {
        throw Object.assign(new Error('ENOSPC: no space left on device, fsync'), { code: 'ENOSPC' });
      };
    return file;
  };
  syncBuiltinESMExports();
  t.after(() => {
    fs.open = open;
    syncBuiltinESMExports();
  });
  assert.ok('plan' in (await store.obtain(KEY, counting().build, quiet)), 'no plan');
  assert.deepEqual(await fs.readdir(folder), []);
});

test('a read-only folder: its plans are given out, and new ones are built for the process alone', async (t) => {
  const folder = await engineFolder(t);
  await (await openStore(t, { folder })).obtain(KEY, counting().build, quiet);
  failing(t, ['open', 'rename', 'mkdir', 'utimes'], 'EROFS', /engines/);
  const { log, lines } = keptLog();
  const store = await openStore(t, { folder }, { log });
  assert.ok('plan' in (await store.find(KEY, quiet.signal)), 'the plan is not there');
  const counted = counting();
  const other = { ...KEY, multiprocessors: 1 };
  for (const _ of [1, 2]) assert.ok('plan' in (await store.obtain(other, counted.build, quiet)), 'no plan');
  assert.equal(counted.times, 2);
  const warnings = lines.filter((line) => line.startsWith('warn:'));
  assert.equal(warnings.length, 1, warnings.join('\n'));
  assert.match(warnings[0]!, /an engine is not kept, .*EROFS/);
});

test('a lock that cannot be taken: the engine is built for the process alone', async (t) => {
  const folder = await engineFolder(t);
  const { log, lines } = keptLog();
  const store = await openStore(t, { folder }, { log });
  const lock = join(folder, `${planName(KEY)}.lock`);
  await fs.writeFile(lock, '');
  await fs.utimes(lock, 0, 0);
  const counted = counting();
  assert.ok('plan' in (await store.obtain(KEY, counted.build, quiet)), 'no plan');
  assert.equal(counted.times, 1);
  assert.match(lines.find((line) => line.startsWith('warn:')) ?? '', /built for this process alone: ENOTDIR/);
});

test('a spoilt plan of a read-only folder is not given out either', async (t) => {
  const folder = await engineFolder(t);
  await (await openStore(t, { folder })).obtain(KEY, counting().build, quiet);
  const [plan] = (await fs.readdir(folder)).filter((name) => name.endsWith('.plan'));
  await fs.truncate(join(folder, plan!), 100);
  failing(t, ['open', 'rename', 'mkdir', 'utimes'], 'EROFS', /engines/);
  const store = await openStore(t, { folder });
  const found = await store.find(KEY, quiet.signal);
  assert.match('reason' in found ? found.reason : 'a plan', /expected 2000 bytes, got 100/);
});

test('a folder that cannot be made is told once, and plans are built all the same', async (t) => {
  const folder = await engineFolder(t);
  failing(t, ['mkdir'], 'EROFS', /engines$/);
  const { log, lines } = keptLog();
  const store = await openStore(t, { folder }, { log });
  assert.ok('plan' in (await store.obtain(KEY, counting().build, quiet)), 'no plan');
  const warnings = lines.filter((line) => line.startsWith('warn:'));
  assert.equal(warnings.length, 1, warnings.join('\n'));
  assert.match(warnings[0]!, /engines are neither kept nor taken from the cache: EROFS/);
});
