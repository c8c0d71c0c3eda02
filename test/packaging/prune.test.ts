import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, cp, link, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { testModel } from '../models/test-model.ts';
import { startBuiltServer } from '../server/built-server.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PRUNE = join(ROOT, 'scripts/prune.cjs');
const run = promisify(execFile);
const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
const GLIBC = header.glibcVersionRuntime !== undefined;
const NOT_LINUX = process.platform !== 'linux' && 'images are made on Linux';

/** Beside the packages where it can be, so that links do for copies. */
async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  await mkdir(join(ROOT, '.cache'), { recursive: true });
  const folder = await mkdtemp(join(ROOT, '.cache', 'prune-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copy(source, target);
    else if (entry.isFile()) await link(source, target).catch(() => copyFile(source, target));
  }
}

/** What an install without the packages for development holds. */
async function copyPackages(folder: string): Promise<void> {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  for (const [name, { dev }] of Object.entries<{ dev?: boolean }>(packages))
    if (name !== '' && !dev && !/node_modules\/.*node_modules\//.test(name) && existsSync(join(ROOT, name)))
      await copy(join(ROOT, name), join(folder, name));
}

test('a pruned copy has the binaries of this platform alone, and serves', { skip: NOT_LINUX }, () =>
  inFolder(async (folder) => {
    await copyPackages(folder);
    const { stdout } = await run(process.execPath, [PRUNE, folder]);
    assert.match(stdout, /^prune: [1-9]\d* files of other platforms, [1-9]\d* MB, removed from/);
    const left = await readdir(join(folder, 'node_modules'), { recursive: true });
    const wrong = /\.(dll|dylib|exe)$|win32|darwin|-musl|linux[-_/](?!x64|arm64)\w+/;
    const binaries = left.filter((name) => /\.(node|dll|dylib|exe)$|\.so[.\d]*$/.test(name));
    assert.deepEqual(
      binaries.filter((name) => wrong.test(name)),
      [],
    );
    for (const one of [/uws_/, /libonnxruntime\.so/, /libvips/, /libturbojpeg/])
      assert.equal(binaries.filter((name) => one.test(name)).length, 1, `${one}`);
    for (const name of ['dist', 'data', 'flows', 'package.json'])
      await cp(join(ROOT, name), join(folder, name), { recursive: true });
    await mkdir(join(folder, 'build/Release'), { recursive: true });
    await copyFile(
      join(ROOT, 'build/Release/clip-server.node'),
      join(folder, 'build/Release/clip-server.node'),
    );
    await serves(join(folder, 'dist/cli/launch.cjs'));
  }),
);

/** Every native library at work: ONNX Runtime, uWebSockets.js, sharp and the addon. */
async function serves(launch: string): Promise<void> {
  const server = await startBuiltServer(await testModel('tiny'), 1, { launch });
  try {
    const data = [{ text: 'a red apple' }, { uri: `data:image/png;base64,${PNG}` }];
    const answer = await fetch(`${server.url}/encode`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ data }),
    });
    const body = (await answer.json()) as { data: { embedding: number[] }[] };
    assert.equal(body.data.length, 2);
    for (const { embedding } of body.data)
      assert.ok(embedding.length > 0 && embedding.every(Number.isFinite));
  } finally {
    assert.equal(await server.stop(), 0);
  }
}

const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

test(
  'what this Node.js can load stays, whatever its name says; what it cannot goes, and empty folders with it',
  { skip: NOT_LINUX },
  () =>
    inFolder(async (folder) => {
      const modules = join(folder, 'node_modules');
      const own = readFileSync(process.execPath).subarray(0, 4096);
      const foreign = Buffer.from(own);
      foreign.writeUInt16LE(0xfffe, 18);
      const musl = Buffer.concat([own, Buffer.from('libc.musl-x86_64.so.1\0')]);
      const abi = Number(process.versions.modules);
      const files: [name: string, content: Buffer | string, stays: boolean][] = [
        ['a/win32/own.node', own, true],
        ['a/libonnxruntime.so.1', own, true],
        ['a/libonnxruntime.so.1.2.3', foreign, false],
        ['b/darwin/x.dylib', '\xcf\xfa\xed\xfe', false],
        ['b/win32/x.dll', 'MZ', false],
        ['b/keep.js', 'MZ', true],
        ['c/linux-x64-musl/m.node', musl, !GLIBC],
        [`d/uws_linux_x64_${abi}.node`, own, true],
        [`d/uws_linux_x64_${abi + 1}.node`, own, false],
        ['e/empty.node', '', false],
      ];
      for (const [name, content] of files) {
        await mkdir(dirname(join(modules, name)), { recursive: true });
        await writeFile(join(modules, name), content);
      }
      await symlink(join(modules, 'b/keep.js'), join(modules, 'linked.node'));
      await run(process.execPath, [PRUNE, folder]);
      for (const [name, , stays] of files) assert.equal(existsSync(join(modules, name)), stays, name);
      assert.deepEqual((await readdir(modules)).sort(), ['a', 'b', 'd', 'linked.node']);
      assert.deepEqual(await readdir(join(modules, 'b')), ['keep.js']);
    }),
);
