import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { emptyFolder } from '../model/folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const FETCHED = [10, 11].map((major) => `native/headers/tensorrt${major}`);

interface Place {
  readonly root: string;
  /** In place of cargo's own, so that nothing is found in it. */
  readonly cargoHome: string;
  readonly bin: string;
}

async function place(t: TestContext): Promise<Place> {
  const root = await emptyFolder(t);
  cpSync(join(ROOT, 'scripts'), join(root, 'scripts'), { recursive: true });
  const bin = join(root, 'bin');
  mkdirSync(bin);
  return { root, cargoHome: join(root, 'cargo'), bin };
}

/** A shell script in the place of cargo. */
function fakeCargo({ bin }: Place, text: string): void {
  writeFileSync(join(bin, 'cargo'), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

function fetchHeaders({ root, cargoHome, bin }: Place) {
  const env = { PATH: bin, CARGO_HOME: cargoHome, HOME: root };
  return spawnSync(process.execPath, [join(root, 'scripts/headers.mjs')], { env, encoding: 'utf8' });
}

test('without cargo it says what is needed, and what does as well', async (t) => {
  const at = await place(t);
  const { status, stdout, stderr } = fetchHeaders(at);
  assert.deepEqual([status, stdout], [1, '']);
  assert.match(
    stderr,
    /^clip-server: .* cargo 1\.82 or newer, which does not run here\. Without it, .*CLIP_TENSORRT_INCLUDE names\.\n$/,
  );
});

test('an old cargo is named', async (t) => {
  const at = await place(t);
  fakeCargo(at, 'echo "cargo 1.81.0 (abc 2024-01-01)"');
  const { status, stderr } = fetchHeaders(at);
  assert.equal(status, 1);
  assert.match(stderr, /cargo 1\.82 or newer, and this is cargo 1\.81\.0 \(abc 2024-01-01\)\. Without it/);
});

test('a package of other contents is refused, and nothing of it is unpacked', async (t) => {
  const at = await place(t);
  const file = join(at.cargoHome, 'registry/cache/a-registry/trtx-sys-0.5.0.crate');
  mkdirSync(dirname(file), { recursive: true });
  fakeCargo(
    at,
    `[ "$1" = --version ] && echo "cargo 1.95.0" && exit
     [ "$*" = "info --quiet trtx-sys@0.5.0" ] && echo changed > ${JSON.stringify(file)}`,
  );
  const { status, stderr } = fetchHeaders(at);
  assert.equal(status, 1);
  assert.match(stderr, /trtx-sys-0\.5\.0\.crate has SHA-256 \w{64}, and 1efd9036\w+ was expected/);
  assert.equal(existsSync(join(at.root, 'native')), false);
});

test("what cargo says is passed on where it can't fetch", async (t) => {
  const at = await place(t);
  fakeCargo(at, '[ "$1" = --version ] && echo "cargo 1.95.0" && exit\necho "no network" >&2; exit 101');
  const { status, stderr } = fetchHeaders(at);
  assert.equal(status, 1);
  assert.match(stderr, /cargo did not fetch trtx-sys 0\.5\.0\. .*\nno network\n$/);
});

const skip = !FETCHED.every((folder) => existsSync(join(ROOT, folder))) && 'npm run headers was not run';

test('what was fetched says whose it is, and is not fetched again', { skip }, async (t) => {
  const at = await place(t);
  for (const folder of FETCHED) cpSync(join(ROOT, folder), join(at.root, folder), { recursive: true });
  const { status, stdout, stderr } = fetchHeaders(at);
  assert.deepEqual([status, stdout, stderr], [0, '', '']);
  for (const folder of FETCHED) {
    const notice = readFileSync(join(ROOT, folder, 'NOTICE'), 'utf8');
    assert.match(notice, /Copyright \(c\) 1993-20\d\d NVIDIA CORPORATION.*\n.*Apache-2\.0/);
    const headers = readdirSync(join(ROOT, folder)).filter((name) => name !== 'NOTICE');
    assert.equal(headers.length, 10);
    for (const name of headers)
      assert.match(readFileSync(join(ROOT, folder, name), 'utf8'), /SPDX-License-Identifier: Apache-2\.0/);
  }
});
