import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

const ROOT = resolve(import.meta.dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'clip-addon-'));
after(() => rmSync(scratch, { recursive: true }));

const BUILT = JSON.stringify(join(ROOT, 'build/Release/clip-server.node'));

test('the addon works in several threads at once, and a thread may end in the middle of a job', async () => {
  const script = join(scratch, 'thread.mjs');
  writeFileSync(
    script,
    `import { createRequire } from 'node:module';
    import { parentPort, workerData } from 'node:worker_threads';
    const addon = createRequire(import.meta.url)(${BUILT});
    const job = { data: new Uint8Array(3 * 1000 * 900).fill(workerData), width: 1000, height: 900, mode: 'RGB', resolution: 64 };
    parentPort.postMessage(await addon.resizeCrop(job));
    for (let i = 0; i < 50; i++) addon.resizeCrop(job);
    parentPort.postMessage('busy');`,
  );
  const threads = [11, 22, 33].map((workerData) => ({
    value: workerData,
    worker: new Worker(script, { workerData }),
  }));
  await Promise.all(
    threads.map(async ({ value, worker }) => {
      const [crop] = (await once(worker, 'message')) as [Uint8Array];
      assert.ok(crop.every((byte) => byte === value));
      await once(worker, 'message');
      await worker.terminate();
    }),
  );
});

test('without a built file, one error tells where it was looked for and how to build it', () => {
  const copy = join(scratch, 'src/native');
  cpSync(join(ROOT, 'src/native'), copy, { recursive: true });
  writeFileSync(join(scratch, 'package.json'), '{"type":"module"}');
  const prebuild = join(scratch, 'prebuilds', `${process.platform}-${process.arch}`);
  mkdirSync(prebuild, { recursive: true });
  writeFileSync(join(prebuild, 'clip-server.node'), 'not a library');
  const code = `import(${JSON.stringify(pathToFileURL(join(copy, 'addon.ts')).href)}).then((m) => m.loadAddon())`;
  const { stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', '-e', code], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  assert.notEqual(status, 0);
  assert.match(stderr, /The addon does not load on/);
  assert.match(stderr, /build[\\/]Release[\\/]clip-server\.node: no such file/);
  assert.match(stderr, /prebuilds.*clip-server\.node: .*(invalid ELF header|file too short|not a|slice)/);
  assert.match(stderr, /Build it with: node .*build-native\.mjs/);
});

test('without a compiler, building says in one sentence what to install', () => {
  const copy = join(scratch, 'package');
  for (const part of ['native', 'scripts']) cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const { stderr, stdout, status } = spawnSync(process.execPath, [join(copy, 'scripts/build-native.mjs')], {
    env: { PATH: '' },
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /^clip-server's addon needs a C\+\+ compiler, .*; install one with: \S.*\n$/);
});
